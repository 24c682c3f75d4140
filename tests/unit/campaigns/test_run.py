"""Expanding runs: one that waits keeps no other waiting, and one that may speak to nobody ends."""

from datetime import UTC, datetime

import pytest

from campaigns.run import Expander, Plan
from engine.errors import Over, StoreUnavailable, TooFew, Unavailable

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class House:
    """Runs, their members and their topic."""

    def __init__(self, **errors) -> None:
        self.errors = errors
        self.open = list(errors)
        self.dropped, self.told = [], []

    async def unexpanded(self):
        return [Plan(run, run, 1, "d", "library", ("email",), NOW, audience=run) for run in self.open]

    async def hold(self, *_):
        return True

    async def chunks(self, _):
        return []

    async def note(self, *_):
        pass

    async def expanded(self, run):
        self.open.remove(run)

    async def drop(self, run, reason):  # noqa: ARG002 - a protocol's
        self.open.remove(run)
        self.dropped.append(run)

    async def of(self, tree, topic, channels, now):
        del topic, channels, now
        if (error := self.errors[tree]) is not None:
            raise error
        yield ["a", "b"]

    async def together(self, residents):
        return [list(residents)]

    async def notifications(self, some):
        self.told += [its.run for its in some]


async def test_a_run_that_waits_keeps_no_other_waiting_and_goes_on_later():
    house = House(wants=Unavailable(), over=Over(), few=TooFew(), easy=None)
    its = Expander(house, house, house, lambda: NOW, "life")
    assert await its.go_on(NOW) == 2
    assert (house.told, house.dropped, house.open) == (["easy"], ["over", "few"], ["wants"])
    house.errors["wants"] = None
    assert await its.go_on(NOW) == 2
    assert (house.told, house.open) == (["easy", "wants"], [])


async def test_a_store_that_is_away_is_said():
    house = House(any=StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await Expander(house, house, house, lambda: NOW, "life").go_on(NOW)
    assert house.open == ["any"]
