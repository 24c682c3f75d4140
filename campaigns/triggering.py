"""Lets triggered campaigns speak: they listen while they run, and what happens becomes a run.

Looked at when something happens, and again and again, by any worker: each step may be taken twice, or be cut off, and
comes out the same. A run is named by its campaign and what happened, and begun once (decision 28).
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from campaigns.audience import Audience
from campaigns.campaign import Campaign, CampaignKind, Move, State
from campaigns.errors import IllegalMove
from campaigns.records.happenings import Reaction
from campaigns.run import Plan, Standing
from campaigns.schedule import SHORTEST_BREAK, Birthday, NewOffer, SavedOfferTomorrow, Trigger
from campaigns.starting import Advancing, Audiences, Campaigns, plan_of
from campaigns.triggers import (
    BIRTHDAY,
    SAVED,
    Concern,
    birth_dates,
    bounds,
    eve,
    heard,
    meant,
    note_of,
    starts_on,
    target_of,
)
from engine.errors import Outdated
from engine.happenings import ENROLMENT_OPENS, Happening
from engine.offers import Offer
from engine.telemetry import logger

LATEST = timedelta(days=1)
"""How late what happened may still be spoken of, as after an outage or a pause."""
MOST_OFFERS = 10
"""How many new offers one message shows."""
AT_ONCE = 500
log = logger("campaigns")


class Runs(Protocol):
    """Where runs are kept (`campaigns.records.runs`)."""

    async def begin(self, plan: Plan) -> bool:
        """Keep a plan; say whether it is new."""

    async def plan(self, run: str) -> Plan | None:
        """Return the plan of a run."""

    async def of(self, campaign: str) -> Sequence[tuple[str, Standing, datetime]]:
        """Return a campaign's runs and when they were planned for, the newest first."""

    async def under_way(self) -> Mapping[str, Standing]:
        """Return the campaigns of which runs are under way."""


class Happenings(Protocol):
    """What happens (`campaigns.records.happenings`)."""

    async def listening(self) -> Mapping[str, Collection[str]]:
        """Return the kinds that each campaign listens for."""

    async def listen(self, campaign: str, kinds: Collection[str], delay: timedelta, now: datetime) -> None:
        """Let a campaign listen, to what happens from now on."""

    async def retire(self, campaigns: Collection[str]) -> None:
        """Let campaigns listen no more, and drop what they had yet to speak of."""

    async def waiting(self, campaigns: Collection[str], now: datetime) -> Sequence[str]:
        """Return those of the campaigns that have something to speak of now."""

    async def due(self, campaign: str, now: datetime, most: int = AT_ONCE) -> Sequence[Reaction]:
        """Return what a campaign may speak of now, the oldest first."""

    async def close(self, happening: int) -> None:
        """Let nobody join a happening any more."""

    async def settle(self, campaign: str, happenings_: Collection[int]) -> None:
        """Note that a campaign has spoken, or will not speak, of these."""

    async def note(self, happened: Sequence[Happening]) -> None:
        """Note what the clock brings; what is known is passed over."""

    async def opening(self, since: datetime, now: datetime) -> Sequence[Happening]:
        """Return whose enrolment has opened."""

    async def saved(self, first: datetime, last: datetime, now: datetime) -> Sequence[Offer]:
        """Return offers that somebody saved and that go on between two moments."""

    async def born(self, dates: Collection[date]) -> bool:
        """Say whether any dependant was born on one of the dates."""

    async def at_place(self, place: str, now: datetime) -> int:
        """Return how many offers there are at a place."""


class Offers(Protocol):
    """Where offers lie (`engine.records.offers`)."""

    async def many(self, ids: Sequence[str]) -> dict[str, Offer]:
        """Return those of the ids that there are."""


class Triggering:
    """Starts triggered campaigns, begins their runs, and finishes them.

    Parameters
    ----------
    campaigns, audiences, runs, happenings, offers
        Where they lie.
    desk
        What moves campaigns.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        campaigns: Campaigns,
        audiences: Audiences,
        runs: Runs,
        happenings: Happenings,
        offers: Offers,
        desk: Advancing,
    ) -> None:
        self._campaigns = campaigns
        self._audiences = audiences
        self._runs = runs
        self._happenings = happenings
        self._offers = offers
        self._desk = desk
        self._alone = asyncio.Lock()
        self._noted: set[tuple[str, date]] = set()
        """What the clock has brought today, so that it is not looked for twice a second."""

    async def look(self, now: datetime) -> Sequence[Campaign]:
        """Start what is due, begin runs of what happened, finish what has ended; return what runs now."""
        async with self._alone:
            # First: whatever listens then is scheduled already, and is not taken for one that has ended.
            listening = await self._happenings.listening()
            its = await self._campaigns.in_states((State.SCHEDULED, State.RUNNING, State.PAUSED))
            pairs = [(one, one.draft.schedule.trigger) for one in its if one.draft.kind is CampaignKind.TRIGGERED]
            triggered = {one.id: (one, trigger) for one, trigger in pairs if trigger is not None}
            if ended := listening.keys() - triggered.keys():
                await self._happenings.retire(ended)
            running = dict[str, tuple[Campaign, Trigger]]()
            for campaign, trigger in triggered.values():
                try:
                    if (found := await self._advance(campaign, trigger, now)) is not None:
                        running[found.id] = (found, trigger)
                except (Outdated, IllegalMove):
                    continue  # somebody has moved it meanwhile: it is looked at again in a moment
            await self._tell_time(running, now)
            for id_ in await self._happenings.waiting(list(running), now) if running else ():
                await self._react(*running[id_], now)
            return [campaign for campaign, _ in running.values()]

    async def _advance(self, campaign: Campaign, trigger: Trigger, now: datetime) -> Campaign | None:
        """Start or finish a campaign where it is time; return it if it runs."""
        schedule = campaign.draft.schedule
        over = schedule.ends is not None and schedule.ends <= now
        if campaign.state is State.SCHEDULED and not over and (schedule.starts is None or schedule.starts <= now):
            # It listens before it is said to run: nothing that happens from then on is missed.
            delay = timedelta(minutes=trigger.delay_minutes)
            await self._happenings.listen(campaign.id, heard(trigger, campaign.id), delay, now)
            return await self._desk.advance(campaign.id, Move.START, now)
        if campaign.state is State.SCHEDULED and over:
            return await self._desk.advance(campaign.id, Move.START, now)
        if campaign.state is not State.RUNNING:
            return None
        if over:
            await self._happenings.retire([campaign.id])
            if campaign.id not in await self._runs.under_way():
                await self._desk.advance(campaign.id, Move.FINISH, now)
            return None
        return campaign

    async def _tell_time(self, running: Mapping[str, tuple[Campaign, Trigger]], now: datetime) -> None:
        """Note what the clock brings: enrolments that open, eves of what was saved, birthdays."""
        triggers = [trigger for _, trigger in running.values()]
        if any(ENROLMENT_OPENS in heard(trigger, "") for trigger in triggers):
            await self._happenings.note(await self._happenings.opening(now - LATEST, now))
        for hour in {trigger.hour for trigger in triggers if isinstance(trigger, SavedOfferTomorrow)}:
            await self._tell_eve(hour, now)
        for campaign, trigger in running.values():
            if isinstance(trigger, Birthday):
                await self._tell_birthday(campaign.id, trigger, now)

    async def _tell_eve(self, hour: int, now: datetime) -> None:
        kind = f"{SAVED}:{hour}"
        if (struck := eve(now, hour)) is None or (kind, struck[1]) in self._noted:
            return
        moment, day = struck
        saved = await self._happenings.saved(*bounds(day), now)
        some = [note_of(kind, f"{its.id}@{day}", (its.id,), moment) for its in saved if starts_on(its, day)]
        await self._happenings.note(some)
        self._remember(kind, day)

    async def _tell_birthday(self, campaign: str, trigger: Birthday, now: datetime) -> None:
        kind = f"{BIRTHDAY}:{campaign}"
        if (struck := birth_dates(trigger, now)) is None or (kind, struck[0].date()) in self._noted:
            return
        moment, born = struck
        if await self._happenings.born(born):
            await self._happenings.note([note_of(kind, str(moment.date()), (), moment)])
        self._remember(kind, moment.date())

    def _remember(self, kind: str, day: date) -> None:
        self._noted = {(k, d) for k, d in self._noted if d >= day - timedelta(days=2)} | {(kind, day)}

    async def _react(self, campaign: Campaign, trigger: Trigger, now: datetime) -> None:
        """Begin runs of what a campaign has yet to speak of."""
        if isinstance(trigger, NewOffer) and await self._spoke_lately(campaign.id, now):
            return
        due = await self._happenings.due(campaign.id, now)
        stale = [its.id for its in due if its.due < now - LATEST]
        known = await self._offers.many(sorted({id_ for its in due for id_ in its.offers}))
        fresh, unfit = list[Reaction](), list[int]()
        for its in due:
            if its.id in stale:
                continue
            if await self._fits(trigger, its, known, now):
                fresh.append(its)
            else:
                unfit.append(its.id)
        if stale:
            log.warning("too late to speak of", campaign=campaign.id, happenings=len(stale))
        if stale or unfit:
            await self._happenings.settle(campaign.id, [*stale, *unfit])
        if isinstance(trigger, NewOffer):
            fresh.sort(key=lambda its: (known[its.offers[0]].starts or now, its.id))
            if some := fresh[:MOST_OFFERS]:
                # Planned for now, however long they have waited for their turn: the next comes a day later.
                await self._begin(campaign, trigger, some, now)
            return
        for its in fresh:
            await self._begin(campaign, trigger, [its], its.due)

    async def _spoke_lately(self, campaign: str, now: datetime) -> bool:
        runs = await self._runs.of(campaign)
        return any(planned > now - SHORTEST_BREAK for _, _, planned in runs[:1])

    async def _fits(self, trigger: Trigger, its: Reaction, known: Mapping[str, Offer], now: datetime) -> bool:
        target = target_of(trigger)
        if target is None:
            return True
        offer = known.get(its.offers[0]) if its.offers else None
        if offer is None:
            return False
        if target.small_venues is None or offer.place is None:
            return meant(target, offer, 0)
        return meant(target, offer, await self._happenings.at_place(offer.place.id, now))

    async def _begin(self, campaign: Campaign, trigger: Trigger, some: Sequence[Reaction], planned: datetime) -> None:
        """Begin a run of what happened, once; it is settled when the run is there."""
        draft, first = campaign.draft, min(some, key=lambda its: its.id)
        audience: Audience | None = None
        if draft.audience is not None and (audience := await self._audiences.get(draft.audience)) is None:
            log.warning("campaign has no audience any more", campaign=campaign.id)
            await self._happenings.settle(campaign.id, [its.id for its in some])
            return
        for its in some:
            await self._happenings.close(its.id)
        offers = tuple(dict.fromkeys(id_ for its in some for id_ in its.offers))
        concern = Concern(
            happening=first.id,
            kind=first.kind,
            offers=offers,
            named=first.named,
            time=first.time,
            audience=None if audience is None else msgspec.to_builtins(audience.tree),
            born=_born(trigger, first),
        )
        whom = {"concern": msgspec.to_builtins(concern)}
        plan = plan_of(campaign, f"h{first.id}", planned, whom, offers, concern.rests_on)
        if await self._runs.begin(plan):
            log.info("run begun", run=plan.id)
        elif (begun := await self._runs.plan(plan.id)) is not None:
            # Another worker was first, perhaps with fewer offers; what it did not take is spoken of another time.
            some = [its for its in some if set(its.offers) <= set(begun.offers)]
        await self._happenings.settle(campaign.id, [its.id for its in some])


def _born(trigger: Trigger, its: Reaction) -> tuple[date, ...]:
    if not isinstance(trigger, Birthday) or (struck := birth_dates(trigger, its.time)) is None:
        return ()
    return struck[1]
