"""How many seats of an offer were left when, as the database writes it down and training reads it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.events import OfferChange
from engine.offers import encode
from engine.records.journal import MEMORY
from engine.records.offers import OfferRecords
from engine.records.uptakes import UptakeRecords
from tests.factories import offer

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def told(own):
    """Return what tells an offer as a source does."""

    async def tell(at, gone=False, **its):
        one = offer("t:1", **its)
        change = OfferChange(one.id, one.source, at, *(() if gone else (msgspec.Raw(encode(one)),)))
        await OfferRecords(own.database).write([change], at)

    return tell


async def test_each_change_of_seats_is_written_down_once(own, told):
    hours = [NOW + timedelta(hours=n) for n in range(6)]
    records = UptakeRecords(own.database)
    await told(hours[0], seats=10)
    assert await records.history() == {}
    await told(hours[1], seats=10, seats_left=10)
    await told(hours[2], seats=10, seats_left=10, free=True)
    await told(hours[3], seats=10, seats_left=0)
    await told(hours[4], gone=True)
    await told(hours[5])
    expected = [(hours[1].timestamp(), 10), (hours[3].timestamp(), 0), (hours[5].timestamp(), -1)]
    assert await records.history() == {"t:1": expected}
    await records.sweep(hours[3] + MEMORY)
    assert await records.history() == {"t:1": expected[1:]}
