"""Campaigns start when they are due, once, and end when nothing is left; their runs follow them."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from campaigns.audience import Audience, Everyone
from campaigns.campaign import Campaign, CampaignKind, Draft, State, new
from campaigns.message import Message
from campaigns.run import Plan, Standing
from campaigns.schedule import Schedule
from campaigns.starting import Starter

NOW = datetime(2027, 1, 12, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Town:
    """Campaigns, audiences and runs in memory; the desk moves campaigns as the real one does."""

    def __init__(self) -> None:
        self.campaigns: dict[str, Campaign] = {}
        self.runs: dict[str, tuple[Plan, Standing]] = {}
        self.audiences = {"a": Audience(id="a", version=1, department="library", name="Everybody", tree=Everyone())}

    def write(self, state: State = State.SCHEDULED, **draft) -> str:
        usual = {
            "name": "Books", "department": "library", "kind": CampaignKind.ONE_OFF, "topic": "library",
            "channels": ("email",), "message": Message(), "audience": "a", "schedule": Schedule(starts=NOW),
        }  # fmt: skip
        its = new(Draft(**(usual | draft)), "maija", NOW - DAY)
        self.campaigns[its.id] = msgspec.structs.replace(its, state=state)
        return its.id

    def set(self, id_: str, state: State) -> None:
        self.campaigns[id_] = msgspec.structs.replace(self.campaigns[id_], state=state)

    def end(self, run: str, standing: Standing = Standing.FINISHED) -> None:
        self.runs[run] = (self.runs[run][0], standing)

    def standing(self) -> list[Standing]:
        return [standing for _, standing in self.runs.values()]

    async def in_states(self, states):
        return [its for its in self.campaigns.values() if its.state in states]

    async def get(self, id_):
        return self.campaigns.get(id_) or self.audiences.get(id_)

    async def advance(self, id_, move, now):
        self.campaigns[id_] = self.campaigns[id_].moved(move, "vinkki", now)
        return self.campaigns[id_]

    async def begin(self, plan):
        fresh = plan.id not in self.runs
        self.runs.setdefault(plan.id, (plan, Standing.RUNNING))
        return fresh

    async def under_way(self):
        alive = (Standing.RUNNING, Standing.PAUSED)
        return {plan.campaign: standing for plan, standing in self.runs.values() if standing in alive}

    async def _move(self, campaign, standing):
        for name, (plan, was) in self.runs.items():
            if plan.campaign == campaign and was in (Standing.RUNNING, Standing.PAUSED):
                self.runs[name] = (plan, standing)

    async def pause(self, campaign):
        await self._move(campaign, Standing.PAUSED)

    async def resume(self, campaign):
        await self._move(campaign, Standing.RUNNING)

    async def cancel(self, campaign):
        await self._move(campaign, Standing.CANCELLED)


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def starter(town) -> Starter:
    return Starter(town, town, town, town)


async def test_a_campaign_starts_at_its_time_once_and_is_finished_when_its_run_is(town, starter):
    id_ = town.write(priority=8)
    await starter.look(NOW - timedelta(seconds=1))
    assert (town.campaigns[id_].state, town.runs) == (State.SCHEDULED, {})
    for late in (timedelta(0), timedelta(seconds=1), DAY):
        await starter.look(NOW + late)
        assert town.campaigns[id_].state is State.RUNNING
    ((plan, _),) = town.runs.values()
    assert plan.id == f"{id_}-20270112T090000Z"
    assert (plan.planned, plan.audience, plan.priority) == (NOW, {"is": "everyone"}, 2)
    town.end(plan.id)
    await starter.look(NOW + 2 * DAY)
    assert town.campaigns[id_].state is State.FINISHED
    assert len(town.runs) == 1


async def test_cut_off_between_the_start_and_the_run_it_begins_the_run_later(town, starter):
    id_ = town.write(State.RUNNING)
    await starter.look(NOW + HOUR)
    assert town.standing() == [Standing.RUNNING]
    assert town.campaigns[id_].state is State.RUNNING


async def test_a_recurring_one_speaks_each_time_makes_up_for_hours_and_not_for_days(town, starter):
    schedule = Schedule(starts=NOW, rrule="FREQ=DAILY;COUNT=4")
    id_ = town.write(kind=CampaignKind.RECURRING, schedule=schedule)
    await starter.look(NOW + HOUR)
    town.end(f"{id_}-20270112T090000Z")
    await starter.look(NOW + 2 * HOUR)
    assert (len(town.runs), town.campaigns[id_].state) == (1, State.RUNNING)
    await starter.look(NOW + 2 * DAY + 5 * HOUR)  # the second day was missed, and the third is five hours late
    assert [plan.planned for plan, _ in town.runs.values()] == [NOW, NOW + 2 * DAY]
    town.end(f"{id_}-20270114T090000Z")
    await starter.look(NOW + 3 * DAY + 7 * HOUR)  # the last is too late
    assert (len(town.runs), town.campaigns[id_].state) == (2, State.FINISHED)


@pytest.mark.parametrize(
    ("state", "standing"),
    [(State.PAUSED, Standing.PAUSED), (State.CANCELLED, Standing.CANCELLED), (State.RUNNING, Standing.RUNNING)],
)
async def test_runs_follow_their_campaign(town, starter, state, standing):
    id_ = town.write()
    await starter.look(NOW)
    if state is State.RUNNING:
        await town.pause(id_)
    town.set(id_, state)
    await starter.look(NOW)
    assert town.standing() == [standing]


async def test_whoever_moves_a_campaign_at_the_same_time_costs_the_others_nothing(town, starter):
    taken, other = town.write(), town.write()
    listed = town.in_states

    async def in_states(states):
        found = await listed(states)
        town.set(taken, State.CANCELLED)
        return found

    town.in_states = in_states
    await starter.look(NOW)
    assert [plan.campaign for plan, _ in town.runs.values()] == [other]


async def test_without_its_audience_a_campaign_ends_and_speaks_to_nobody(town, starter):
    id_ = town.write()
    town.audiences.clear()
    for _ in range(2):
        await starter.look(NOW)
    assert (town.campaigns[id_].state, town.runs) == (State.FINISHED, {})


async def test_what_something_else_triggers_does_not_start_by_the_clock(town, starter):
    id_ = town.write(kind=CampaignKind.TRIGGERED)
    await starter.look(NOW + DAY)
    assert town.campaigns[id_].state is State.SCHEDULED


async def test_what_is_asked_for_runs_from_its_start_to_its_end(town, starter):
    at_once = town.write(kind=CampaignKind.TRANSACTIONAL, schedule=Schedule())
    later = town.write(kind=CampaignKind.TRANSACTIONAL, schedule=Schedule(starts=NOW + DAY, ends=NOW + 2 * DAY))
    await starter.look(NOW)
    assert [town.campaigns[id_].state for id_ in (at_once, later)] == [State.RUNNING, State.SCHEDULED]
    await starter.look(NOW + DAY)
    assert town.campaigns[later].state is State.RUNNING
    await starter.look(NOW + 2 * DAY)
    assert [town.campaigns[id_].state for id_ in (at_once, later)] == [State.RUNNING, State.FINISHED]
    assert town.runs == {}
