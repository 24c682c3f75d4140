"""Who would want an offer: looked for once in the background, and forgotten of whoever says a word."""

import asyncio
from datetime import UTC, datetime

import pytest

from campaigns.audience import All, Everyone, Wants
from campaigns.counting import Counting
from campaigns.facts import Facts, addressed
from campaigns.index import Index
from campaigns.wanting import KEPT, Wanting
from engine.counts import Counts
from engine.errors import Over, StoreUnavailable, Unavailable

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
WANTS = Wants(offer="live:1")


class Reaching:
    def __init__(self) -> None:
        self.asked, self.fails = [], None

    def topic(self, offer, _):
        if offer != "live:1":
            raise Over(field="offer")
        return "library"

    async def members(self, wish, clock, tell):
        self.asked.append(wish)
        await tell(1.0)
        assert clock() >= NOW
        if self.fails:
            raise self.fails
        return ["a", "b", "gone"]


class Here:
    def __init__(self) -> None:
        self.index, self.now, self.reaching = Index(), NOW, Reaching()
        for resident in "abc":
            self.put(resident)
        self.wanting = Wanting(self.reaching, lambda: self.now)
        self.counting = Counting(self, Counts(b"s"), wanting=self.wanting)

    def put(self, resident):
        self.index.put(Facts(resident=resident, marks=frozenset({"marketing_library_email", addressed("email")})))

    async def count(self, tree=WANTS):
        return (await self.counting.count(tree, "library", ("email",), self.now)).total


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_who_asks_begins_it_and_it_is_kept_for_a_while():
    here = Here()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await here.count()
    await settled()
    assert await here.count() == await here.count(All(of=(WANTS, Everyone()))) == 2
    assert [(wish.offer, wish.topic, wish.top) for wish in here.reaching.asked] == [("live:1", "library", 10)]
    here.now += KEPT
    with pytest.raises(Unavailable):
        await here.count()
    await here.wanting.close()


async def test_whoever_says_or_does_anything_is_in_it_no_more_and_a_new_index_begins_anew():
    here = Here()
    with pytest.raises(Unavailable):
        await here.count()
    await settled()
    here.put("a")
    assert await here.count() == 1
    here.index = Index()
    with pytest.raises(Unavailable):
        await here.count()
    await here.wanting.close()


async def test_an_offer_that_is_over_or_a_store_that_is_away_is_said():
    here = Here()
    with pytest.raises(Over):
        await here.count(Wants(offer="over:1"))
    here.reaching.fails = StoreUnavailable()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await here.count()
        await settled()
    assert len(here.reaching.asked) == 2
    with pytest.raises(Unavailable):
        await Counting(here, Counts(b"s")).count(WANTS, "library", ("email",), NOW)
