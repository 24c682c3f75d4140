"""What a worker needs to send campaigns' messages, put together over its stores."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from api import wiring
from api.audience_feed import AudienceFeed
from api.campaigning import campaigning
from api.catalogue_feed import CatalogueFeed
from api.exposure_feed import ExposureFeed
from api.model_feed import ModelFeed
from api.seal import Seal
from api.sending import Sending, sending
from api.speech import HouseSpeech, Suggesting
from api.steering_feed import SteeringFeed
from campaigns.audience import Tree
from campaigns.counting import Counting
from campaigns.records.facts import FactRecords
from campaigns.starting import Starter
from engine.addresses import Addresses, Means
from engine.catalogue import Catalogue
from engine.consent import Permit, Register
from engine.counts import Counts
from engine.districts import Divisions
from engine.events import Notification, Pseudonym
from engine.ledger import ConsentLedger
from engine.records.exposures import ExposureRecords
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

    def __init__(self, feed: AudienceFeed, counting: Counting) -> None:
        self._feed = feed
        self._counting = counting

    def of(
        self,
        tree: Any,  # noqa: ANN401 - as it lies in SQL
        topic: str,
        channels: Sequence[str],
        now: datetime,
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield chunks of pseudonyms (see `campaigns.counting.Counting.members`)."""
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


@dataclass(frozen=True)
class Sender:
    """Sends campaigns, as a part of a worker."""

    sending: Sending
    starter: Starter
    feed: AudienceFeed
    suggesting: "Picking"
    clock: Clock

    def reader(self, refuse: Refuse, patience_seconds: float) -> Reader[Notification]:
        """Return the reader of the topic `notifications`."""
        return self.sending.reader(refuse, patience_seconds)

    def chores(self) -> list[Chore]:
        """Return what is due again and again."""
        return [Chore("campaigns", 0.5, lambda: self.starter.look(self.clock())), *self.sending.chores()]

    async def close(self) -> None:
        """Disconnect from whoever delivers, and follow no more."""
        await self.sending.close()
        await self.feed.close()
        await self.suggesting.close()


class Feed(Protocol):
    """What loads something and follows it."""

    async def open(self) -> None:
        """Load it, and begin to follow it."""

    async def close(self) -> None:
        """Follow it no more."""


class Picking:
    """What a worker picks offers with, as an API process suggests them: loaded when the first message asks for some.

    Parameters
    ----------
    feeds
        The catalogue first, then what else tells of it.
    """

    def __init__(self, suggester: Suggester, feeds: Sequence[Feed], clock: Clock) -> None:
        self._suggester = suggester
        self._feeds = feeds
        self._clock = clock
        self._opened: list[Feed] = []

    async def open(self) -> None:
        """Load all of it, and begin to follow it."""
        self._suggester.warm_up(self._clock())
        for feed in self._feeds[len(self._opened) :]:
            await feed.open()
            self._opened.append(feed)

    async def close(self) -> None:
        """Follow it no more."""
        for feed in reversed(self._opened):
            await feed.close()


def sender(settings: Settings, stores: wiring.Stores, clock: Clock) -> Sender:
    """Put it together."""
    seal, database = Seal.of(settings), stores.database
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    feed = AudienceFeed(FactRecords(database), database, clock)
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
    side = campaigning(settings, database, stores.offers, seal.secret)
    speech = HouseSpeech(
        side.campaigns,
        side.departments,
        stores.offers,
        stores.online,
        ledger,
        wiring.stop_links(settings),
        Suggesting(suggester, stores.offers, picking.open),
        clock,
    )
    subscriptions = wiring.subscriptions(settings, stores)
    its = sending(
        settings,
        database,
        seal.secret,
        clock,
        log=stores.publisher,
        leaves=ledger,
        members=Members(feed, Counting(feed, Counts(seal.secret))),
        addresses=AddressBook(wiring.addresses(settings, stores), subscriptions),
        speech=speech,
        gone=subscriptions.drop,
    )
    starter = Starter(side.campaigns, side.audiences, side.runs, side.desk)
    return Sender(its, starter, feed, picking, clock)
