"""What a worker needs to send campaigns' messages, put together over its stores."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import msgspec

from api import keyed, wiring
from api.audience_feed import AudienceFeed
from api.campaigning import campaigning
from api.catalogue_feed import CatalogueFeed
from api.exposure_feed import ExposureFeed
from api.model_feed import ModelFeed
from api.outgoing import quiet_hours, weekly
from api.picking import LaterReach, Picking
from api.seal import Seal
from api.sending import Sending, sending
from api.speech import HouseSpeech, Suggesting
from api.steering_feed import SteeringFeed
from api.trigger_feed import TriggerFeed
from campaigns import narrower
from campaigns.audience import Tree
from campaigns.concerned import Concerned
from campaigns.counting import Counting
from campaigns.records.facts import FactRecords
from campaigns.records.service_messages import ServiceMessageRecords
from campaigns.records.webhooks import WebhookRecords
from campaigns.service_messages import AT_ONCE, ServiceSender
from campaigns.starting import Starter
from campaigns.triggering import Triggering
from campaigns.triggers import Concern
from campaigns.wanting import Wanting
from campaigns.webhooks import Herald
from engine.addresses import Addresses, Means
from engine.catalogue import Catalogue
from engine.consent import Permit, Register, ServicePermit
from engine.counts import Counts
from engine.districts import Divisions
from engine.events import Notification, Pseudonym
from engine.ledger import ConsentLedger
from engine.reach import Reach
from engine.records.exposures import ExposureRecords
from engine.records.reach import ReachRecords
from engine.records.rules import RuleRecords
from engine.records.uptakes import UptakeRecords
from engine.rules import Floor, Rule
from engine.settings import Settings
from engine.steering import CitySteering
from engine.subscriptions import CHANNEL as PUSH
from engine.subscriptions import Subscriptions
from engine.suggestion import Suggester
from stream.agents import Reader, Refuse
from stream.app import Chore

Clock = Callable[[], datetime]


class Members:
    """Whom an audience has, by the tree that a run was planned with (`campaigns.run.Members`).

    A worker looks through residents once there is somebody to write to: until then it has no index to keep up.
    """

    def __init__(self, feed: AudienceFeed, counting: Counting, concerned: Concerned) -> None:
        self._feed = feed
        self._counting = counting
        self._concerned = concerned

    def of(
        self,
        tree: Any,  # noqa: ANN401 - as it lies in SQL
        topic: str,
        channels: Sequence[str],
        now: datetime,
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield chunks of pseudonyms (see `campaigns.counting.Counting.members` and `campaigns.concerned`)."""
        if "concern" in tree:
            concern = msgspec.convert(tree["concern"], Concern)
            if concern.audience is None:
                return self._concerned.of(concern, None, topic, channels, now)
            self._feed.start()
            return self._concerned.of(concern, msgspec.convert(concern.audience, Tree), topic, channels, now)
        self._feed.start()
        return self._counting.members(msgspec.convert(tree, Tree), topic, channels, now)


class AddressBook:
    """Confirmed addresses, and browsers, by the name of a channel (`campaigns.neighbours.Addresses`)."""

    def __init__(self, addresses: Addresses, subscriptions: Subscriptions) -> None:
        self._addresses = addresses
        self._subscriptions = subscriptions

    async def confirmed_many(self, permits: Sequence[Permit], means: str) -> Sequence[str | None]:
        """Return each resident's confirmed address, or browsers, in the order of the permits."""
        if means == PUSH:
            return await self._subscriptions.confirmed_many(permits)
        return await self._addresses.confirmed_many(permits, Means(means))

    async def of(self, permit: ServicePermit, channel: str) -> str | None:
        """Return a resident's confirmed address for a service message."""
        return await self._addresses.confirmed(permit, Means(channel))


@dataclass(frozen=True)
class Sender:
    """Sends campaigns, as a part of a worker."""

    sending: Sending
    starter: Starter
    triggers: TriggerFeed
    service: ServiceSender
    messages: ServiceMessageRecords
    herald: Herald
    webhooks: WebhookRecords
    feed: AudienceFeed
    wanting: Wanting
    later: LaterReach
    suggesting: Picking
    clock: Clock

    def reader(self, refuse: Refuse, patience_seconds: float) -> Reader[Notification]:
        """Return the reader of the topic `notifications`."""
        return self.sending.reader(refuse, patience_seconds)

    def chores(self) -> list[Chore]:
        """Return what is due again and again."""
        return [
            Chore("campaigns", 0.5, lambda: self.starter.look(self.clock())),
            Chore("service messages", 0.5, self._serve),
            Chore("old service messages", 3600.0, lambda: self.messages.sweep(self.clock())),
            Chore("webhooks", 1.0, self._tell),
            Chore("old webhook events", 3600.0, lambda: self.webhooks.sweep(self.clock())),
            *self.triggers.chores(),
            *self.sending.chores(),
        ]

    async def _tell(self) -> None:
        """Tell systems what they asked for, one thing at a time each."""
        while await self.herald.tell():
            pass

    async def _serve(self) -> None:
        """Send every service message that is due, some at a time."""
        while await self.service.take_up(self.clock()) >= AT_ONCE:
            pass

    async def close(self) -> None:
        """Disconnect from whoever delivers, and follow no more."""
        await self.triggers.close()
        await self.sending.close()
        await self.herald.close()
        await self.wanting.close()
        await self.later.close()
        await self.feed.close()
        await self.suggesting.close()


def sender(settings: Settings, stores: wiring.Stores, clock: Clock) -> Sender:
    """Put it together."""
    seal, database = Seal.of(settings), stores.database
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    feed = AudienceFeed(FactRecords(database, weekly(settings)), database, clock)
    catalogue = Catalogue()
    steering = CitySteering(catalogue, settings.uptake_rate)
    suggester = Suggester(catalogue, stores.online, ledger, Divisions.read(settings.districts), steering=steering)
    rules, floors = RuleRecords(database, Rule), RuleRecords(database, Floor)
    feeds = (
        CatalogueFeed(catalogue, database, stores.offers, stores.journal, clock),
        ModelFeed(settings.home / wiring.MODELS, catalogue, stores.offers, clock),
        SteeringFeed(steering, database, rules, floors),
        ExposureFeed(steering, ExposureRecords(database), UptakeRecords(database), clock),
    )
    picking = Picking(suggester, feeds, clock)
    later = LaterReach(Reach(suggester, catalogue, ReachRecords(database), stores.online, ledger), picking)
    wanting = Wanting(later, clock)
    side = campaigning(settings, database, stores.offers, seal.secret)
    counting = Counting(feed, Counts(seal.secret), narrower.read(settings.narrower), wanting, side.lists)
    speech = HouseSpeech(
        side.campaigns,
        side.departments,
        stores.offers,
        stores.online,
        ledger,
        keyed.stop_links(settings),
        keyed.measured_links(settings),
        Suggesting(suggester, stores.offers, picking.open),
        clock,
        preferences=f"{keyed.public(settings)}/viestit",
    )
    subscriptions = keyed.subscriptions(settings, database)
    addresses, happenings = AddressBook(keyed.addresses(settings, database), subscriptions), side.happenings
    concerned = Concerned(happenings, FactRecords(database), counting)
    its = sending(
        settings,
        database,
        seal.secret,
        clock,
        log=stores.publisher,
        leaves=ledger,
        members=Members(feed, counting, concerned),
        addresses=addresses,
        speech=speech,
        gone=subscriptions.drop,
    )
    starter = Starter(side.campaigns, side.audiences, side.runs, side.desk)
    triggering = Triggering(side.campaigns, side.audiences, side.runs, happenings, stores.offers, side.desk)
    messages = ServiceMessageRecords(database, its.life)
    service = ServiceSender(
        messages=messages,
        campaigns=side.campaigns,
        ledger=ledger,
        addresses=addresses,
        suppressions=its.suppressions,
        speech=speech,
        vault=keyed.message_vault(settings),
        channels=its.channels,
        clock=clock,
        quiet=quiet_hours(settings),
    )
    herald = Herald(
        side.webhook_records,
        keyed.webhook_secrets(settings, side.webhook_records),
        httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=10.0),
        clock,
        public=settings.environment == "production",
    )
    return Sender(
        sending=its,
        starter=starter,
        triggers=TriggerFeed(database, triggering, happenings, its.expand, feed.start, clock),
        service=service,
        messages=messages,
        herald=herald,
        webhooks=side.webhook_records,
        feed=feed,
        wanting=wanting,
        later=later,
        suggesting=picking,
        clock=clock,
    )
