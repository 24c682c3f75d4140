"""Audiences on the real stores: exact against plain SQL, and without whoever withdraws, pauses or is erased."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from api.audience_feed import AudienceFeed
from campaigns.audience import (
    Active,
    Age,
    All,
    Any_,
    Did,
    District,
    Everyone,
    HasDependant,
    Interest,
    Learned,
    Near,
    Needs,
    None_,
    PrefersKind,
    Speaks,
)
from campaigns.counting import Counting, Members, Out
from campaigns.records.facts import CHANNEL, FactRecords
from engine.choices import Choice
from engine.consent import Permit, Purpose
from engine.counts import Counts
from engine.erasure import Eraser
from engine.errors import TooFew, Unavailable
from engine.events import OfferChange
from engine.offers import Kind, encode
from engine.records.erasures import ErasureRecords
from engine.records.family import FamilyRecords
from engine.records.journal import Row
from engine.records.offers import OfferRecords
from engine.residents import Interests
from tests.factories import in_force, keyword, offer, place

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=200)
EMAIL, INBOX = Purpose.MARKETING_LIBRARY_EMAIL, Purpose.MARKETING_LIBRARY_INBOX
KALLIO = "ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"
OFFERS = [
    offer("t:swim", keywords="swim", kind=Kind.COURSE, place=place("pool", lat=60.19, lon=24.96)),
    offer("t:jazz", keywords="jazz", kind=Kind.EVENT, place=place("hall", lat=60.25, lon=25.05)),
    offer("t:both", keywords="swim jazz", kind=Kind.EVENT, place=place("pool", lat=60.19, lon=24.96)),
]
SWIM, JAZZ = keyword("swim").id, keyword("jazz").id


class Town:
    """Residents of a database of one's own, and an index that follows it."""

    def __init__(self, own) -> None:
        self.own = own
        self.chance = random.Random(7)
        self.people: dict[str, UUID] = {}
        self.records = FactRecords(own.database)
        self.feed = AudienceFeed(self.records, own.database, lambda: datetime.now(UTC))
        self.counting = Counting(self.feed, Counts(b"a secret"))

    async def someone(self, *purposes: Purpose, told: Interests | None = None, did=(), since=LONG_AGO) -> str:
        person = uuid4()
        resident = await self.own.residents.enrol(person)
        self.people[resident] = person
        for purpose in purposes:
            await self.own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=since)
        permit = (await self.own.ledger.consents(resident)).permit(Purpose.INTERESTS, NOW)
        if told is not None and isinstance(permit, Permit):
            await self.own.residents.tell(permit, told, NOW)
        await self.act(resident, did)
        return resident

    async def act(self, resident, did) -> None:
        rows = []
        for of, act, days in did:
            time = NOW - timedelta(days=days)
            rows.append(Row(resident, str(uuid4()), of, act, time, max(time, LONG_AGO)))
        if rows:
            await self.own.journal.write(rows)

    async def crowd(self, count: int) -> None:
        chance = self.chance
        for _ in range(count):
            purposes = [p for p in (*Purpose,) if not p.marketing and chance.random() < 0.7]
            purposes += [p for p in (EMAIL, INBOX) if chance.random() < 0.6]
            told = Interests(
                keywords=tuple(k for k in (SWIM, JAZZ) if chance.random() < 0.5),
                kinds=tuple(k for k in Kind if chance.random() < 0.3),
                districts=(KALLIO,) if chance.random() < 0.4 else (),
                languages=tuple(chance.sample(["fi", "sv", "en"], chance.randint(0, 2))),
                birth_year=chance.choice([None, 1960, 1990, 2000]),
                access=("quiet",) if chance.random() < 0.2 else (),
            )
            acts = ("view", "open", "save", "register", "dismiss")
            did = [
                (chance.choice(OFFERS).id, chance.choice(acts), chance.randint(0, 150))
                for _ in range(chance.randint(0, 6))
            ]
            resident = await self.someone(*purposes, told=told, did=did)
            if chance.random() < 0.1:
                choice = chance.choice([Choice.WITHOUT_TOPIC, Choice.WITHOUT_PLACE, Choice.PAUSE])
                await self.own.ledger.choose(resident, choice, on=True, now=NOW)
            if chance.random() < 0.1:
                gone = chance.choice([Purpose.INTERESTS, Purpose.ACTIVITY, EMAIL])
                await self.own.ledger.record(resident, gone, granted=False, notice=None, now=NOW)

    async def members(self, tree, channels=("email", "inbox")) -> set[str]:
        found = [
            one
            async for chunk in Members(self.counting).of(tree, "library", channels, datetime.now(UTC), few=True)
            for one in chunk
        ]
        assert len(found) == len(set(found))
        return set(found)

    async def sql(self, where: str, **values) -> set[str]:
        """Say whom plain SQL finds among those who allow messages."""
        willing = f"({allows(EMAIL)} OR {allows(INBOX)})"
        query = f"SELECT DISTINCT c.resident FROM consents c WHERE {willing} AND ({where})"  # noqa: S608 - ours
        async with self.own.database.begin() as connection:
            return set((await connection.execute(text(query), {"now": datetime.now(UTC), **values})).scalars())

    async def until(self, ask, good, seconds=10.0):
        async with asyncio.timeout(seconds):
            while not good(found := await ask()):  # noqa: ASYNC110 - it happens elsewhere
                await asyncio.sleep(0.02)
        return found


def allows(purpose: str) -> str:
    return f"""(EXISTS (SELECT FROM consents p WHERE p.resident = c.resident AND p.purpose = '{purpose}' AND p.granted)
        AND NOT EXISTS (SELECT FROM consents p WHERE p.resident = c.resident AND p.purpose = 'pause' AND p.granted))"""  # noqa: S608 - ours


def told(condition: str) -> str:
    its = f"EXISTS (SELECT FROM interests i WHERE i.resident = c.resident AND {condition})"
    return f"({allows('interests')} AND {its})"


def off(family: str) -> str:
    return f"""EXISTS (SELECT FROM consents p WHERE p.resident = c.resident
        AND p.purpose = 'without_{family}' AND p.granted)"""


CHOSEN = "'open','save','share','register','attend','rate'"


def did(condition: str, days: int, least: int = 1, acts: str = CHOSEN) -> str:
    return f"""({allows("activity")} AND (SELECT count(*) FROM journal j JOIN offers o ON o.id = j.offer
        JOIN consents a ON a.resident = j.resident AND a.purpose = 'activity' AND j.accepted >= a.since
        WHERE j.resident = c.resident AND j.type IN ({acts}) AND j.time >= :now - interval '{days} days'
        AND ({condition})) >= {least})"""  # noqa: S608 - ours


def about(topic: str) -> str:
    return f"o.content->'keywords' @> jsonb_build_array(jsonb_build_object('id', '{topic}'))"


IN_KALLIO = told(f"i.content->'districts' ? '{KALLIO}'")
LIKES_SWIMMING = told(f"i.content->'keywords' ? '{SWIM}'")
YEARS = told(f"(i.content->>'birth_year')::int BETWEEN {NOW.year - 45} AND {NOW.year - 20}")
PLACED = f"{allows('location')} AND NOT {off('place')}"
POOL = "o.place = 'pool'"
SEEN, ALL_ACTS = "'dismiss','view'", "'view','open','save','register','dismiss'"
SAME = [
    (Everyone(), "true"),
    (Interest(keyword=SWIM), f"{LIKES_SWIMMING} AND NOT {off('topic')}"),
    (PrefersKind(kind=Kind.COURSE), told("i.content->'kinds' ? 'course'")),
    (Speaks(language="sv"), told("i.content->'languages' ? 'sv'")),
    (Speaks(language="sv", first=True), told("i.content->'languages'->>0 = 'sv'")),
    (Age(youngest=20, oldest=45), YEARS),
    (Needs(need="quiet"), told("i.content->'access' ? 'quiet'")),
    (District(district=KALLIO), f"{IN_KALLIO} AND {allows('location')}"),
    (Learned(keyword=JAZZ, least=2, within_days=100), f"{did(about(JAZZ), 100, 2)} AND NOT {off('topic')}"),
    (Did(offer="t:swim", within_days=60), did("o.id = 't:swim'", 60)),
    (Did(kind=Kind.EVENT, acts=("dismiss", "view"), within_days=60), did("o.kind = 'event'", 60, acts=SEEN)),
    (Did(place="pool", within_days=90), f"{did(POOL, 90)} AND {PLACED}"),
    (Near(lat=60.19, lon=24.96, km=1, within_days=90), f"{did('o.lat = 60.19', 90)} AND {PLACED}"),
    (Active(least=3, within_days=120), did("true", 120, 3, acts=ALL_ACTS)),
]


@pytest.fixture
async def town(own) -> AsyncIterator[Town]:
    changes = [OfferChange(its.id, its.source, NOW, msgspec.Raw(encode(its))) for its in OFFERS]
    await OfferRecords(own.database).write(changes, NOW)
    await own.journal.ensure_partitions(NOW)
    town = Town(own)
    yield town
    await town.feed.close()


async def ready(town) -> None:
    async def there():
        try:
            return town.feed.index is not None
        except Unavailable:
            return False

    await town.until(there, bool, 30)


async def test_every_predicate_and_their_groups_mean_whom_plain_sql_finds(town):
    await town.crowd(150)
    town.feed.start()
    with pytest.raises(Unavailable):
        _ = town.feed.index
    await ready(town)
    for tree, where in SAME:
        assert await town.members(tree) == await town.sql(where), tree
    for _ in range(40):
        some = town.chance.sample(SAME, 3)
        (a, x), (b, y), (c, z) = some
        tree = All(of=(Any_(of=(a, b)), None_(of=(c,))))
        assert await town.members(tree) == await town.sql(f"(({x}) OR ({y})) AND NOT ({z})"), tree
    found = await town.counting.count(Speaks(language="sv"), "library", ("email", "inbox"), NOW)
    assert found.total == len(await town.members(Speaks(language="sv"), ("inbox",))) == found.channels["inbox"]
    assert found.channels["email"] == 0, "nobody has confirmed an address"
    assert sum(found.languages.values()) == found.total


async def test_what_residents_say_and_do_is_followed(town):
    own, swedes = town.own, Speaks(language="sv")
    town.feed.start()
    await ready(town)
    telling = (Purpose.INTERESTS, Purpose.ACTIVITY, EMAIL)
    mine = await town.someone(*telling, told=Interests(languages=("sv",)))
    other = await town.someone(*telling, told=Interests(languages=("sv",)))

    def members(tree=swedes):
        return town.until(lambda: town.members(tree), lambda found: found == town_expects)

    town_expects = {mine, other}
    await members()
    await town.act(mine, [("t:swim", "register", 1)])
    town_expects = {mine}
    await members(Did(offer="t:swim"))
    await own.ledger.record(mine, Purpose.ACTIVITY, granted=False, notice=None, now=datetime.now(UTC))
    town_expects = set()
    await members(Did(offer="t:swim"))
    await own.ledger.record(mine, EMAIL, granted=False, notice=None, now=datetime.now(UTC))
    town_expects = {other}
    await members()
    await own.ledger.choose(other, Choice.PAUSE, on=True, now=datetime.now(UTC))
    town_expects = set()
    await members()
    await own.ledger.choose(other, Choice.PAUSE, on=False, now=datetime.now(UTC))
    town_expects = {other}
    await members()
    eraser = Eraser(ErasureRecords(own.database), own.online, own.residents, timedelta(days=9))
    await eraser.erase(town.people[other], datetime.now(UTC))
    town_expects = set()
    await members()
    assert len(town.feed.index) <= 1


async def test_the_very_notice_of_a_withdrawal_takes_somebody_out_before_anything_is_read(town):
    resident = await town.someone(Purpose.INTERESTS, EMAIL, told=Interests(languages=("sv",)))
    town.feed.start()
    await ready(town)
    index = town.feed.index
    assert await town.members(Everyone()) == {resident}
    await town.feed._hear(CHANNEL, resident)
    assert len(index.live) == 0


async def test_while_the_line_is_broken_nothing_is_counted_and_then_all_is_as_it_is(town):
    resident = await town.someone(Purpose.INTERESTS, EMAIL, told=Interests(languages=("sv",)))
    town.feed.start()
    await ready(town)
    before = town.feed.index
    await town.own.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE left(query, 6) = 'LISTEN' AND datname = current_database()"
    )

    async def away():
        try:
            return town.feed.index is not before
        except Unavailable:
            return True

    await town.until(away, bool)
    await town.own.ledger.record(resident, EMAIL, granted=False, notice=None, now=datetime.now(UTC))
    await ready(town)
    assert await town.members(Everyone()) == set()


async def test_a_word_whose_notice_was_lost_is_found_in_the_ledger(town):
    resident = await town.someone(EMAIL)
    town.feed.start()
    await ready(town)
    await town.feed._look()
    await town.own.sql("ALTER TABLE consents DISABLE TRIGGER USER")
    await town.own.ledger.record(resident, EMAIL, granted=False, notice=None, now=datetime.now(UTC))
    assert await town.members(Everyone()) == {resident}
    await town.feed._look()
    assert await town.members(Everyone()) == set()


async def test_a_guardian_is_meant_by_a_childs_age_while_both_allow_it_and_no_child_is(town):
    own = town.own
    born = date(NOW.year - 8, 1, 1)
    its = {"told": Interests(languages=("sv",))}
    guardian, child = [await town.someone(Purpose.INTERESTS, EMAIL, **its) for _ in range(2)]
    assert await FamilyRecords(own.database).add(guardian, child, born, 0, NOW, 20)
    town.feed.start()
    await ready(town)
    aged = HasDependant(youngest=7, oldest=9)
    assert await town.members(aged) == {guardian}
    assert await town.members(HasDependant(youngest=10)) == set()
    found = await town.counting.count(Everyone(), "library", ("email",), datetime.now(UTC))
    assert (found.aimed, found.out[Out.UNDER_AGE], found.out[Out.NO_CONSENT]) == (0, 1, 0)
    assert found.out[Out.NO_ADDRESS] == 1
    await own.records.append(
        child, Purpose.INTERESTS, granted=False, notice=1, time=datetime.now(UTC), guardian=guardian
    )

    async def who():
        return await town.members(aged)

    await town.until(who, lambda found: found == set())
    assert await town.members(Everyone()) == {guardian}


async def test_so_few_are_meant_by_no_sending_and_nobody_is_an_audience_without_anybody(town):
    await town.someone(EMAIL)
    town.feed.start()
    await ready(town)
    for tree in (Everyone(), Speaks(language="en")):
        with pytest.raises(TooFew):
            _ = [chunk async for chunk in town.counting.members(tree, "library", ("email",), NOW)]
    nobody = await town.counting.count(Speaks(language="en"), "library", ("email",), NOW)
    assert (nobody.total, set(nobody.out.values())) == (0, {0})
