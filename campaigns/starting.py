"""What the house does with campaigns by itself: it starts what is due, and finishes what is done.

Looked at again and again, by any worker: each step may be taken twice, or be cut off, and comes out the same. A run
is named by its campaign and its moment, and begun once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from campaigns.audience import Audience
from campaigns.campaign import STANDING, TIMED, Campaign, CampaignKind, Move, State
from campaigns.errors import IllegalMove
from campaigns.run import Plan, Standing
from campaigns.schedule import occurrences
from engine.errors import Outdated
from engine.telemetry import logger

LATEST = timedelta(hours=6)
"""How late a recurring campaign may still speak, as after an outage; what was missed before is not made up for."""
LOWEST_PRIORITY = 9
log = logger("campaigns")


class Campaigns(Protocol):
    """Where campaigns lie (`campaigns.records.documents`)."""

    async def get(self, id_: str) -> Campaign | None:
        """Return one, or None."""

    async def in_states(self, states: Collection[State]) -> Sequence[Campaign]:
        """Return every campaign in one of the states."""


class Audiences(Protocol):
    """Where audiences lie (`campaigns.records.audiences`)."""

    async def get(self, id_: str) -> Audience | None:
        """Return an audience, or None."""


class Runs(Protocol):
    """Where runs are kept (`campaigns.records.runs`)."""

    async def begin(self, plan: Plan) -> bool:
        """Keep a plan; say whether it is new."""

    async def pause(self, campaign: str) -> None:
        """Let a campaign's runs rest."""

    async def resume(self, campaign: str) -> None:
        """Let a campaign's runs go on."""

    async def cancel(self, campaign: str) -> None:
        """End a campaign's runs."""

    async def under_way(self) -> Mapping[str, Standing]:
        """Return the campaigns of which runs are under way, and whether these rest."""


class Advancing(Protocol):
    """What moves campaigns (`campaigns.desk.Desk`)."""

    async def advance(self, id_: str, move: Move, now: datetime) -> Campaign:
        """Start or finish a campaign."""


class Starter:
    """Starts campaigns and finishes them.

    Parameters
    ----------
    campaigns, audiences, runs
        Where they lie.
    desk
        What moves campaigns.
    """

    def __init__(self, campaigns: Campaigns, audiences: Audiences, runs: Runs, desk: Advancing) -> None:
        self._campaigns = campaigns
        self._audiences = audiences
        self._runs = runs
        self._desk = desk

    async def look(self, now: datetime) -> None:
        """Let runs follow their campaigns, start what is due and finish what is done."""
        busy = await self._settle()
        for campaign in await self._campaigns.in_states((State.SCHEDULED, State.RUNNING)):
            try:
                if campaign.draft.kind in TIMED:
                    await self._look_at(campaign, now, busy=campaign.id in busy)
                elif campaign.draft.kind in STANDING:
                    await self._open_or_close(campaign, now)
            except (Outdated, IllegalMove):
                continue  # somebody has moved it meanwhile: it is looked at again in a moment

    async def _settle(self) -> Collection[str]:
        """Let runs rest, go on or end as their campaigns do; return the campaigns that have runs under way."""
        under_way = await self._runs.under_way()
        for id_, standing in under_way.items():
            campaign = await self._campaigns.get(id_)
            if campaign is None or campaign.state is State.CANCELLED:
                await self._runs.cancel(id_)
            elif campaign.state is State.PAUSED and standing is Standing.RUNNING:
                await self._runs.pause(id_)
            elif campaign.state is State.RUNNING and standing is Standing.PAUSED:
                await self._runs.resume(id_)
        return under_way.keys()

    async def _look_at(self, campaign: Campaign, now: datetime, *, busy: bool) -> None:
        due, more = _due(campaign, now)
        if due is not None:
            if campaign.state is State.SCHEDULED:
                campaign = await self._desk.advance(campaign.id, Move.START, now)
            busy = await self._begin(campaign, due) or busy
        if campaign.state is State.RUNNING and not more and not busy:
            await self._desk.advance(campaign.id, Move.FINISH, now)

    async def _open_or_close(self, campaign: Campaign, now: datetime) -> None:
        """Let what stands ready begin and end at its times."""
        starts, ends = campaign.draft.schedule.starts, campaign.draft.schedule.ends
        if campaign.state is State.SCHEDULED and (starts is None or starts <= now):
            campaign = await self._desk.advance(campaign.id, Move.START, now)
        if campaign.state is State.RUNNING and ends is not None and ends <= now:
            await self._desk.advance(campaign.id, Move.FINISH, now)

    async def _begin(self, campaign: Campaign, moment: datetime) -> bool:
        """Begin a run; say whether it is new."""
        named = campaign.draft.audience
        audience = None if named is None else await self._audiences.get(named)
        if audience is None:
            log.warning("campaign has no audience any more", campaign=campaign.id)
            return False
        plan = plan_of(campaign, f"{moment:%Y%m%dT%H%M%SZ}", moment, msgspec.to_builtins(audience.tree))
        if begun := await self._runs.begin(plan):
            log.info("run begun", run=plan.id)
        return begun


def plan_of(  # noqa: PLR0913 - what is a run's own
    campaign: Campaign,
    name: str,
    planned: datetime,
    audience: Any,  # noqa: ANN401 - as `Plan` has it
    offers: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of a run of a campaign as it is now; `name` tells its runs apart."""
    draft = campaign.draft
    return Plan(
        id=f"{campaign.id}-{name}",
        campaign=campaign.id,
        version=campaign.version,
        department=draft.department,
        topic=draft.topic,
        channels=draft.channels,
        planned=planned,
        audience=audience,
        # People rank the most urgent highest, queues lowest.
        priority=LOWEST_PRIORITY + 1 - draft.priority,
        offers=offers,
        also=also,
    )


def _due(campaign: Campaign, now: datetime) -> tuple[datetime | None, bool]:
    """Return the last moment that has come, if it is not too long ago, and whether others are to come."""
    due, earliest = None, now - LATEST
    for moment in occurrences(campaign.draft.schedule, campaign.created):
        if moment > now:
            return due, True
        if campaign.draft.kind is CampaignKind.ONE_OFF or moment >= earliest:
            due = moment
    return due, False
