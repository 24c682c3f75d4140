from collections import Counter
from datetime import timedelta

import pytest

from api.exposure_feed import ExposureFeed
from engine.capacity import Uptake, told
from engine.errors import StoreUnavailable
from engine.scenario import Scenario
from engine.steering import CitySteering
from engine.taste import key
from tests.factories import NOW, offer
from tests.unit.engine.test_steering import city


class Store:
    """Both tables in memory; each may be away."""

    def __init__(self, seats: int = 12) -> None:
        self.shows, self.taken, self.seats = Counter(), {}, seats
        self.away: set[str] = set()

    async def totals(self, _, __):
        return dict(self.shows)

    async def known(self, least, _):
        return {id_ for id_, shows in self.shows.items() if shows >= least}

    async def pending(self):
        return self.taken


class Exposures(Store):
    async def add(self, counts, _):
        if "exposures" in self.away:
            raise StoreUnavailable
        self.shows.update(counts)


class Uptakes(Store):
    async def add(self, shows, now):
        if "uptakes" in self.away:
            raise StoreUnavailable
        for id_, count in shows.items():
            self.taken[id_] = told(self.taken.get(id_, Uptake(self.seats)), self.seats, count, now.timestamp())
        return {id_: self.taken[id_] for id_ in shows}


@pytest.fixture
def scene():
    catalogue = city(offer("t:few", seats_left=12), offer("t:many"))
    steering, exposures, uptakes = CitySteering(catalogue), Exposures(), Uptakes()
    return catalogue, steering, exposures, uptakes, ExposureFeed(steering, exposures, uptakes, lambda: NOW)


def show(catalogue, steering, times):
    for _ in range(times):
        steering.showed(catalogue.live(NOW), [catalogue.row(key("t:few")), catalogue.row(key("t:many"))])


async def test_counts_are_written_once(scene):
    catalogue, steering, exposures, uptakes, feed = scene
    show(catalogue, steering, 400)
    await feed.flush()
    await feed.flush()
    assert exposures.shows == {"t:few": 400, "t:many": pytest.approx(400 * 0.6309, rel=1e-3)}
    assert uptakes.taken == {"t:few": Uptake(12, 400.0, at=NOW.timestamp())}


@pytest.mark.parametrize("away", ["exposures", "uptakes"])
async def test_while_a_table_is_away_nothing_is_lost_or_counted_twice(scene, away):
    catalogue, steering, exposures, uptakes, feed = scene
    exposures.away = uptakes.away = {away}
    for _ in range(3):
        show(catalogue, steering, 100)
        with pytest.raises(StoreUnavailable):
            await feed.flush()
    exposures.away.clear()
    show(catalogue, steering, 100)
    await feed.flush()
    assert exposures.shows["t:few"] == uptakes.taken["t:few"].pending == 400


async def test_what_other_processes_have_shown_costs_and_is_new_no_more(scene):
    catalogue, steering, exposures, uptakes, feed = scene
    uptakes.taken["t:few"] = Uptake(12, 600.0, at=NOW.timestamp())
    exposures.shows["t:few"] = 600.0
    await feed.recall()
    await feed.read()
    steering.reprice(NOW)
    live = catalogue.live(NOW)
    steered = steering.steered(Scenario.APP_HOME, live)
    assert {live.ids[row]: float(steered.adds[row]) for row in (0, 1)} == {"t:few": -1.0, "t:many": 0.0}
    assert [live.ids[row] for row in steered.fresh.rows] == ["t:many"]
    steering.reprice(NOW + timedelta(days=2))
    assert not steering.steered(Scenario.APP_HOME, live).adds.any()


async def test_it_writes_what_is_left_when_it_closes(scene):
    catalogue, steering, exposures, _, feed = scene
    await feed.open()
    show(catalogue, steering, 3)
    await feed.close()
    assert exposures.shows["t:few"] == 3
