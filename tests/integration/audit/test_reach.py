"""Who would want an offer, on the real stores: as their own suggestions say, as they allow it, and as seats go."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine.avoidance import Avoided
from engine.catalogue import Catalogue
from engine.choices import Choice
from engine.consent import Permit, Purpose
from engine.errors import Over, StoreUnavailable
from engine.events import Interaction, InteractionType
from engine.folding import Observation, fold
from engine.offers import Kind, Offer
from engine.query import Query
from engine.reach import PER_SEAT, Out, Reach, Wish
from engine.records.reach import ReachRecords
from engine.residents import Interests
from engine.suggestion import Suggester
from engine.taste import Taste, features
from tests.factories import in_force, keyword, offer, place

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=20)
TOP = 5
EMAIL = Purpose.MARKETING_NEW_COURSES_EMAIL


def weekday(n: int) -> datetime:
    """Return one of the next mornings that are none of a weekend: the part of the week is a feature of taste."""
    mornings = (NOW.replace(hour=8) + timedelta(days=2 + day) for day in range(7 + 2 * n))
    return [morning for morning in mornings if morning.weekday() < 5][n]


def made(topic: str, n: int, **more: object) -> Offer:
    starts = weekday(n)
    its = {"starts": starts, "ends": starts + timedelta(hours=2), "kind": Kind.COURSE, "place": place(f"{topic}-hall")}
    return offer(f"{topic}:{n}", keywords=f"{topic} {topic}-more", **(its | more))


SWIM = [made("swim", n, age_min=18, seats_left=3 if n == 0 else None) for n in range(8)]
CHESS = [made("chess", n) for n in range(12)]
WANTED = SWIM[0]
WISH = Wish(WANTED.id, "new_courses", None, TOP, NOW)


class Town:
    """Residents of a database and a Redis of one's own."""

    def __init__(self, own) -> None:
        self.own = own
        self.catalogue = Catalogue()
        self.catalogue.apply({its.id: its for its in (*SWIM, *CHESS)})
        self.suggester = Suggester(self.catalogue, own.online, own.ledger)
        self.residents: dict[str, list[str]] = {}

    async def people(self, name: str, count: int, *purposes: Purpose, **known: object) -> None:
        made = (self.person(*purposes, **known) for _ in range(count))
        self.residents[name] = await asyncio.gather(*made)

    async def person(
        self, *purposes: Purpose, did: Sequence[tuple[Offer, str]] = (), told: Interests | None = None
    ) -> str:
        own = self.own
        resident = await own.residents.enrol(uuid4())
        for purpose in purposes:
            await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=LONG_AGO)
        consents = await own.ledger.consents(resident)
        if did and isinstance(permit := consents.permit(Purpose.ACTIVITY, NOW), Permit):
            (sealed,) = await own.online.sealed_many([resident])
            assert await own.online.swap([(permit, sealed, taste(did))]) == [True]
        if told and isinstance(permit := consents.permit(Purpose.INTERESTS, NOW), Permit):
            await own.residents.tell(permit, told, NOW)
        return resident

    def reach(self, rest: Callable[[], Awaitable[None]] | None = None, **parts: object) -> Reach:
        given = {"records": ReachRecords(self.own.database), "online": self.own.online, "ledger": self.own.ledger}
        return Reach(self.suggester, self.catalogue, rest=rest or nothing, **(given | parts))

    async def plainly(self, channel: Purpose = EMAIL) -> int:
        """Count as slowly and plainly as can be: everybody's own answer."""
        wanting = 0
        for resident in (one for many in self.residents.values() for one in many):
            consents = await self.own.ledger.consents(resident)
            may = [isinstance(consents.permit(p, NOW), Permit) for p in (channel, *LOOKED)]
            answer = await self.suggester.suggestions(resident, Query(limit=TOP), NOW)
            wanting += may[0] and any(may[1:]) and answer.basis != "popular" and WANTED.id in answer.offers
        return wanting


LOOKED = (Purpose.ACTIVITY, Purpose.INTERESTS)
BOTH = (Purpose.ACTIVITY, EMAIL)
TELLING = (Purpose.INTERESTS, EMAIL)
SWAM = [(SWIM[n], "open") for n in (1, 2)]
PLAYED = [(CHESS[n], "open") for n in (1, 2)]


def taste(did: Sequence[tuple[Offer, str]]) -> Taste:
    acts = [(of, Interaction(str(uuid4()), of.id, InteractionType(act), NOW - timedelta(days=3))) for of, act in did]
    return fold(Taste(), [Observation(act, of.kind, features(of)) for of, act in acts], located=False)


def swimming(**more: object) -> Interests:
    return Interests(keywords=(keyword("swim").id,), **more)


async def nothing(*_: object) -> None: ...


@pytest.fixture
def town(own) -> Town:
    return Town(own)


async def crowd(town: Town) -> None:
    await town.people("swimmers", 60, *BOTH, did=SWAM)
    await town.people("tellers", 24, *TELLING, told=swimming(languages=("sv", "fi")))
    await town.people("players", 40, *BOTH, did=PLAYED)
    await town.people("silent", 30, Purpose.ACTIVITY, did=SWAM)
    await town.people("unseen", 20, EMAIL)
    await town.people("by text", 10, Purpose.ACTIVITY, Purpose.MARKETING_NEW_COURSES_SMS, did=SWAM)
    await town.people("of other things", 10, Purpose.ACTIVITY, Purpose.MARKETING_LIBRARY_EMAIL, did=SWAM)
    await town.people("children", 15, *TELLING, told=swimming(birth_year=NOW.year - 9))
    await town.people("settled", 12, *BOTH, did=[*SWAM, (WANTED, "save")])
    await town.people("averse", 11, *BOTH, *TELLING, did=SWAM, told=Interests(avoided=Avoided((keyword("swim").id,))))
    await town.people("unheard", 13, *BOTH)
    await town.people("paused", 5, *BOTH, did=SWAM)
    for resident in town.residents["paused"]:
        await town.own.ledger.choose(resident, Choice.PAUSE, on=True, now=NOW)


async def test_those_are_counted_who_would_be_shown_it_and_the_others_by_why_not(town):
    await crowd(town)
    told = list[float]()

    async def tell(progress: float) -> None:
        told.append(progress)

    found = await town.reach().count(WISH, lambda: NOW, tell)
    assert found.wanting == await town.plainly() + 10 == 94
    assert found.everybody == sum(map(len, town.residents.values()))
    no_consent = 30 + 20 + 10 + 5
    assert found.out == Counter(
        {
            Out.NO_CONSENT: no_consent,
            Out.BETTER: 40,
            Out.AGE: 15,
            Out.SETTLED: 12,
            Out.AVOIDED: 11,
            Out.NOTHING_KNOWN: 13,
        }
    )
    assert found.wanting + sum(found.out.values()) == found.everybody
    assert told == [1.0]
    reached = await town.reach().members(WISH, lambda: NOW, nothing)
    assert len(set(reached)) == found.reached
    assert set(reached) <= {*town.residents["swimmers"], *town.residents["tellers"], *town.residents["by text"]}
    assert found.reached == PER_SEAT * WANTED.seats_left == sum(found.languages.values())
    by_mail = await town.reach().count(Wish(WANTED.id, "new_courses", "email", TOP, NOW), lambda: NOW, nothing)
    assert by_mail.wanting == await town.plainly() == 84


async def test_without_a_limit_of_seats_all_are_reached_by_the_language_they_told(town):
    await town.people("tellers", 6, *TELLING, told=swimming(languages=("sv",)))
    await town.people("others", 3, *TELLING, told=swimming(languages=("so",)))
    await town.people("swimmers", 4, *BOTH, did=SWAM)
    found = await town.reach().count(Wish(SWIM[3].id, "new_courses", None, 8, NOW), lambda: NOW, nothing)
    assert (found.wanting, found.reached) == (13, 13)
    assert found.languages == {"sv": 6, "other": 3, "unknown": 4}


async def test_who_withdraws_meanwhile_is_not_counted_whether_looked_at_or_not(town):
    await town.people("swimmers", 40, *BOTH, did=SWAM)
    order = sorted(town.residents["swimmers"])
    leaving = [(order[0], EMAIL), (order[1], Purpose.ACTIVITY), (order[-1], EMAIL), (order[-2], Purpose.ACTIVITY)]

    async def withdraw() -> None:
        while leaving:
            resident, purpose = leaving.pop()
            await town.own.ledger.record(resident, purpose, granted=False, notice=None, now=datetime.now(UTC))

    found = await town.reach(withdraw).count(WISH, lambda: datetime.now(UTC), nothing)
    assert (found.wanting, found.out[Out.NO_CONSENT]) == (36, 4)


async def test_an_offer_that_ends_meanwhile_and_a_store_that_goes_stop_the_counting(town):
    await town.people("swimmers", 20, *BOTH, did=SWAM)

    async def end() -> None:
        town.catalogue.apply({WANTED.id: None})

    with pytest.raises(Over):
        await town.reach(end).count(WISH, lambda: NOW, nothing)
    with pytest.raises(Over):
        town.reach().topic(WANTED.id, NOW)
    assert town.reach().topic(SWIM[1].id, NOW) == "new_courses"

    class Gone:
        async def sealed_many(self, _: Sequence[str]) -> Sequence[object]:
            raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await town.reach(online=Gone()).count(Wish(SWIM[1].id, "new_courses", None, TOP, NOW), lambda: NOW, nothing)


async def test_flags_that_redis_lost_are_read_from_the_ledger(town):
    await town.people("tellers", 12, *TELLING, told=swimming())
    for resident in town.residents["tellers"]:
        await town.own.online._redis.delete(f"c:{resident}")
    found = await town.reach().count(WISH, lambda: NOW, nothing)
    assert found.wanting == 12
