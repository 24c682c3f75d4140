"""The import on a real PostgreSQL, from files and from a server that pages, changes, deletes and fails."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from engine.districts import Divisions
from engine.errors import InvalidInput, Unavailable
from engine.events import OfferChange
from engine.offers import Offer, Status, decode, encode
from engine.records.database import Database
from engine.records.import_report import ImportReport, Mode
from engine.records.imports import Imports
from engine.records.offers import OfferRecords
from stream.sources.linked_events import import_catalogue
from tests.integration.linked_events_city import City, serving

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TOMORROW, NEXT_WEEK = NOW + timedelta(days=1), NOW + timedelta(days=6)
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
SAMPLE = SHARED / "linked_events" / "events.json"
needs_sample = pytest.mark.skipif(not SAMPLE.is_file(), reason="the city's sample records are not beside this clone")
TABLES = "import_runs, import_refusals, source_records, source_groups, source_offers, source_references"


@pytest.fixture(scope="module")
async def database(addresses) -> AsyncIterator[Database]:
    """A database of this module's own, on the shared server."""
    name = f"linked_events_{uuid4().hex[:8]}"
    await on_server(addresses.database, f"CREATE DATABASE {name}")
    base = Database(addresses.database)
    opened = Database(base.url.set(database=name).render_as_string(hide_password=False))
    await base.close()
    await opened.migrate()
    yield opened
    await opened.close()
    await on_server(addresses.database, f"DROP DATABASE {name} WITH (FORCE)")


async def on_server(address: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(statement)


@pytest.fixture
async def imports(database) -> Imports:
    async with database.begin() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    return Imports(database)


@pytest.fixture
def city() -> Iterator[City]:
    made = City()
    with serving(made):
        yield made


class Catalogue:
    """What a reader of the offers topic knows after each import."""

    def __init__(self, imports: Imports, divisions: Divisions | None = None) -> None:
        self.imports, self.divisions = imports, divisions or Divisions()
        self.offers: dict[str, Offer] = {}
        self.news: list[OfferChange] = []
        self.said: list[str] = []
        self.fails_after: int | None = None

    async def publish(self, changes) -> None:
        for change in changes:
            if self.fails_after is not None and len(self.news) >= self.fails_after:
                raise Unavailable("The broker is away.")
            self.news.append(change)
            if change.gone:
                self.offers.pop(change.id, None)
            else:
                self.offers[change.id] = decode(change.offer)

    async def take(self, source, now=NOW, *, full=False) -> ImportReport:
        self.news = []
        return await import_catalogue(
            source,
            imports=self.imports,
            publish=self.publish,
            divisions=self.divisions,
            now=now,
            say=self.said.append,
            full=full,
        )


@pytest.fixture
def catalogue(imports) -> Catalogue:
    return Catalogue(imports)


def event(id_: str, start: datetime | None = TOMORROW, name: str = "Jooga", **fields):
    times = {"start_time": start and start.isoformat(), "end_time": start and (start + timedelta(hours=1)).isoformat()}
    place = {"location": {"@id": "http://x/place/tprek:1/"}}
    return {
        "id": id_,
        "type_id": "General",
        "name": {"fi": name},
        "event_status": "EventScheduled",
        **times,
        **place,
        **fields,
    }


def fill(city: City, count: int) -> None:
    for n in range(count):
        city.put(event(f"x:{n:04}", TOMORROW + timedelta(hours=n), f"Tapahtuma {n}"), NOW - timedelta(days=9))


async def test_pages_become_offers_and_a_second_import_publishes_nothing(city, catalogue):
    fill(city, 250)
    report = await catalogue.take(city.address)
    assert (report.mode, report.counts.pages, report.counts.read, report.counts.published) == (Mode.FULL, 3, 250, 250)
    assert city.pages_asked() == [1, 2, 3]
    assert "sort=start_time" in city.asked[0]
    assert "event_type=General%2CCourse%2CVolunteering" in city.asked[0]
    assert any(line.startswith("page 1 of 3, 100 records, about") for line in catalogue.said)
    again = await catalogue.take(city.address, full=True)
    assert (catalogue.news, again.counts.unchanged) == ([], 250)


async def test_later_imports_ask_for_changes_only_and_take_deletions(city, catalogue):
    fill(city, 3)
    await catalogue.take(city.address)
    later = NOW + timedelta(hours=5)
    city.put(event("x:0001", NEXT_WEEK, "Uusi nimi"), later)
    city.delete("x:0002", later)
    report = await catalogue.take(city.address, later + timedelta(hours=1))
    assert "last_modified_since=2026-11-22T07%3A50%3A00Z&show_deleted=true" in city.asked[-1]
    assert (report.mode, report.counts.read, report.counts.published, report.counts.withdrawn) == (
        Mode.CHANGES,
        2,
        1,
        1,
    )
    assert set(catalogue.offers) == {"x:0000", "x:0001"}
    assert catalogue.offers["x:0001"].name.fi == "Uusi nimi"


async def test_a_week_later_everything_is_read_and_what_is_listed_no_more_goes(city, catalogue):
    fill(city, 3)
    city.put(event("x:past", NOW - timedelta(days=1)), NOW)
    await catalogue.take(city.address)
    for id_ in ("x:0002", "x:past"):
        del city.events[id_]
    report = await catalogue.take(city.address, NOW + timedelta(days=8))
    assert report.mode == Mode.FULL
    assert set(catalogue.offers) == {"x:0000", "x:0001", "x:past", "x:0002"}  # both are over by then
    city.events.pop("x:0001")
    fill(city, 1)
    await catalogue.take(city.address, NOW, full=True)
    assert set(catalogue.offers) == {"x:0000", "x:past"}


async def test_an_empty_answer_to_everything_takes_nothing_away(city, catalogue):
    fill(city, 60)
    await catalogue.take(city.address)
    city.events.clear()
    report = await catalogue.take(city.address, full=True)
    assert (report.counts.withdrawn, len(catalogue.offers)) == (0, 60)
    assert any("that many cannot be true" in line for line in catalogue.said)


async def test_a_busy_a_broken_and_a_confused_server_are_asked_again(city, catalogue):
    fill(city, 150)
    city.moods = ["truncated", 500, 429, "", "html"]
    report = await catalogue.take(city.address)
    assert (report.counts.read, len(catalogue.offers)) == (150, 150)
    assert city.pages_asked() == [1, 1, 1, 1, 2, 2]


async def test_an_import_that_failed_goes_on_at_the_page_where_it_stopped(city, catalogue):
    fill(city, 350)
    city.moods = ["", "", *[503] * 8]
    with pytest.raises(Unavailable, match="503; import again, it goes on here"):
        await catalogue.take(city.address)
    assert catalogue.offers == {}
    city.asked.clear()
    report = await catalogue.take(city.address, NOW + timedelta(minutes=5))
    assert city.pages_asked() == [3, 4]
    assert (report.counts.read, len(catalogue.offers)) == (350, 350)
    assert any("Going on after page 2" in line for line in catalogue.said)


async def test_an_import_that_was_killed_goes_on_at_the_page_where_it_stopped(city, catalogue):
    fill(city, 150)
    city.moods = ["", "hang"]
    running = asyncio.create_task(catalogue.take(city.address))
    await asyncio.to_thread(city.hanging.wait, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    city.unhang.set()
    city.asked.clear()
    await catalogue.take(city.address)
    assert (city.pages_asked(), len(catalogue.offers)) == ([2], 150)


async def test_two_imports_at_once_are_one_too_many(city, catalogue):
    fill(city, 1)
    city.moods = ["hang"]
    running = asyncio.create_task(catalogue.take(city.address))
    await asyncio.to_thread(city.hanging.wait, 10)
    with pytest.raises(Unavailable, match="Another import from linked-events is running"):
        await Catalogue(catalogue.imports).take(city.address)
    city.unhang.set()
    await running
    assert list(catalogue.offers) == ["x:0000"]


async def test_a_day_later_an_interrupted_import_begins_anew(city, catalogue):
    fill(city, 150)
    city.moods = ["", *[503] * 8]
    with pytest.raises(Unavailable):
        await catalogue.take(city.address)
    city.asked.clear()
    await catalogue.take(city.address, NOW + timedelta(days=1))
    assert city.pages_asked() == [1, 2]


async def test_what_the_broker_did_not_take_is_published_by_the_next_import(city, catalogue):
    fill(city, 300)
    catalogue.fails_after = 200
    with pytest.raises(Unavailable, match="broker"):
        await catalogue.take(city.address)
    first = {change.id for change in catalogue.news}
    catalogue.fails_after = None
    await catalogue.take(city.address)
    second = {change.id for change in catalogue.news}
    assert (len(first), len(second), len(first | second)) == (200, 100, 300)


async def test_places_and_keywords_are_fetched_once_and_gone_places_are_borne(city, catalogue):
    city.objects["place"]["tprek:1"] = {
        "id": "tprek:1",
        "name": {"fi": "Halli"},
        "position": {"coordinates": [24.9, 60.2]},
        "street_address": {"fi": "Katu 1"},
    }
    city.objects["place"]["tprek:3"] = {"id": "tprek:3", "replaced_by": "http://x/place/tprek:1/"}
    city.objects["keyword"]["yso:p1"] = {"id": "yso:p1", "name": {"fi": "jooga", "sv": "yoga"}}
    city.objects["organization"]["ahjo:1"] = {"id": "ahjo:1", "name": "Liikuntapalvelut"}
    told = {
        "keywords": [{"@id": "http://x/keyword/yso:p1/"}, {"@id": "http://x/keyword/yso:p404/"}],
        "publisher": "ahjo:1",
    }
    city.put(event("x:1", **told), NOW)
    city.put(event("x:2", name="Toinen", location={"@id": "http://x/place/tprek:410/"}), NOW)
    await catalogue.take(city.address)
    offer = catalogue.offers["x:1"]
    assert (offer.place.name.fi, offer.place.lat, offer.organiser) == ("Halli", 60.2, "Liikuntapalvelut")
    assert [(k.id, k.label.sv) for k in offer.keywords] == [("yso:p1", "yoga"), ("yso:p404", None)]
    assert (catalogue.offers["x:2"].place.id, catalogue.offers["x:2"].place.name.fi) == ("tprek:410", None)
    city.asked.clear()
    later = NOW + timedelta(hours=1)
    city.put(event("x:3", name="Kolmas", location={"@id": "http://x/place/tprek:3/"}, **told), later)
    await catalogue.take(city.address, later)
    assert city.paths_asked() == ["event/", "place/tprek:3/", "place/tprek:1/"]
    assert (catalogue.offers["x:3"].place.id, catalogue.offers["x:3"].place.name.fi) == ("tprek:3", "Halli")


async def test_a_series_is_one_offer_that_follows_its_dates(city, catalogue):
    head = event("s:0", TOMORROW, end_time=NEXT_WEEK.isoformat(), super_event_type="recurring", sub_events=[{}])
    city.put(head, NOW)
    for n in (1, 2, 3):
        child = event(f"s:{n}", TOMORROW + timedelta(days=n), f"Jooga {n}", super_event={"@id": "http://x/event/s:0/"})
        city.put(child, NOW)
    await catalogue.take(city.address)
    assert [date.id for date in catalogue.offers["s:0"].dates] == ["s:1", "s:2", "s:3"]
    later = NOW + timedelta(hours=1)
    city.delete("s:1", later)
    city.put({**city.events["s:2"], "name": {"fi": "PERUTTU: Jooga 2"}}, later)
    await catalogue.take(city.address, later)
    assert [change.id for change in catalogue.news] == ["s:0"]
    assert ([date.id for date in catalogue.offers["s:0"].dates], set(catalogue.offers)) == (["s:3"], {"s:0"})
    city.put({**head, "name": {"fi": "Jooga, PERUTTU"}}, later + timedelta(hours=1))
    await catalogue.take(city.address, later + timedelta(hours=1))
    assert catalogue.offers["s:0"].status == Status.CANCELLED


async def test_a_head_that_comes_later_gathers_its_dates_and_one_that_goes_lets_them_be(city, catalogue):
    for n in (1, 2):
        child = event(f"s:{n}", TOMORROW + timedelta(days=n), f"Luento {n}", super_event={"@id": "http://x/event/s:0/"})
        city.put(child, NOW)
    await catalogue.take(city.address)
    assert {id_: offer.series for id_, offer in catalogue.offers.items()} == {"s:1": "s:0", "s:2": "s:0"}
    later = NOW + timedelta(hours=1)
    city.put(event("s:0", TOMORROW, "Luennot", super_event_type="recurring"), later)
    await catalogue.take(city.address, later)
    assert (list(catalogue.offers), catalogue.offers["s:0"].sources) == (["s:0"], ("s:0", "s:1", "s:2"))
    city.delete("s:0", later + timedelta(hours=1))
    await catalogue.take(city.address, later + timedelta(hours=1))
    assert set(catalogue.offers) == {"s:1", "s:2"}


async def test_an_offer_keeps_its_id_when_the_record_it_was_named_for_goes_and_gives_it_back(city, catalogue):
    city.put(event("a:1", TOMORROW), NOW)
    city.put(event("b:2", NEXT_WEEK), NOW)
    await catalogue.take(city.address)
    assert (list(catalogue.offers), catalogue.offers["a:1"].sources) == (["a:1"], ("a:1", "b:2"))
    city.delete("a:1", NOW + timedelta(hours=1))
    await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert (list(catalogue.offers), catalogue.offers["a:1"].sources) == (["a:1"], ("b:2",))
    city.put(event("a:1", TOMORROW, "Aivan muuta"), NOW + timedelta(hours=2))
    await catalogue.take(city.address, NOW + timedelta(hours=2))
    assert {id_: offer.sources for id_, offer in catalogue.offers.items()} == {"a:1": ("a:1",), "b:2": ("b:2",)}


async def test_a_renamed_event_stays_the_same_offer(city, catalogue):
    city.put(event("a:1"), NOW)
    await catalogue.take(city.address)
    city.put(event("a:1", name="Joogaa kaikille"), NOW + timedelta(hours=1))
    report = await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert ([change.id for change in catalogue.news], report.counts.withdrawn) == (["a:1"], 0)


async def test_a_record_that_becomes_unusable_is_taken_away_and_reported(city, catalogue):
    city.put(event("a:1"), NOW)
    await catalogue.take(city.address)
    city.put(event("a:1", name=""), NOW + timedelta(hours=1))
    report = await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert (catalogue.offers, report.counts.refused) == ({}, {"no_name": 1})
    (last,) = await catalogue.imports.last_reports()
    assert (last, [refusal.record for refusal in last.refusals]) == (report, ["a:1"])
    lines: list[str] = []
    last.tell(lines.append, refusals=True)
    assert lines[-2].strip() == "1   no_name: It has no name in Finnish, Swedish or English."
    assert lines[-1].strip() == "a:1"


async def test_changes_of_unknown_events_that_were_over_long_ago_are_passed_by(city, catalogue):
    await catalogue.take(city.address)
    city.put(event("old:1", NOW - timedelta(days=400)), NOW)
    report = await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert (report.counts.past, catalogue.offers) == (1, {})


async def test_a_wrong_address_is_said_to_be_one(city, catalogue):
    city.moods = [403]
    with pytest.raises(InvalidInput, match="403: check the address"):
        await catalogue.take(city.address)
    with pytest.raises(InvalidInput, match="neither an http address"):
        await catalogue.take("ftp://api.hel.fi/")


async def test_a_folder_of_files_is_read_by_shape_whatever_the_names(catalogue, tmp_path):
    keyword = {"id": "yso:p1", "@type": "Keyword", "name": {"fi": "jooga"}}
    place = {"id": "tprek:1", "position": {"coordinates": [24.9, 60.2]}, "name": {"fi": "Halli"}}
    events = {
        "meta": {"count": 1},
        "data": [event("a:1", keywords=[{"@id": "http://x/keyword/yso:p1/"}]), 5, {"id": None}],
    }
    (tmp_path / "1.json.gz").write_bytes(gzip.compress(json.dumps(events).encode()))
    (tmp_path / "2.json").write_text(json.dumps([keyword, place]))
    (tmp_path / "3.json").write_text(json.dumps(event("b:1", name="Yksin")))
    (tmp_path / "readme.txt").write_text("no data")
    report = await catalogue.take(tmp_path)
    assert (report.counts.read, report.counts.refused) == (4, {"not_a_record": 1, "no_id": 1})
    offer = catalogue.offers["a:1"]
    assert (offer.keywords[0].label.fi, offer.place.lat, set(catalogue.offers)) == ("jooga", 60.2, {"a:1", "b:1"})
    await catalogue.take(str(tmp_path / "3.json"))
    assert (catalogue.news, len(catalogue.offers)) == ([], 2)  # a file says nothing of what it does not hold


async def test_a_file_that_is_none_is_refused_in_a_sentence(catalogue, tmp_path):
    with pytest.raises(InvalidInput, match=r"no \.json or \.json\.gz file at"):
        await catalogue.take(tmp_path)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"x\.json cannot be read: What came is not JSON"):
        await catalogue.take(tmp_path)


async def test_nasty_records_are_stored_or_refused_and_the_good_one_among_them_arrives(catalogue, database, tmp_path):
    nasty = [
        "\x00",
        "\ud800",
        "'; DROP TABLE offers; --",
        "<script>x</script>",
        "x" * 1_000_000,
        10**40,
        -1,
        1e308,
        [],
        {},
        True,
    ]
    fields = [
        "id",
        "name",
        "description",
        "start_time",
        "location",
        "keywords",
        "offers",
        "super_event",
        "images",
        "publisher",
    ]
    records = [
        event("n:1") | {"id": f"n:{f}-{n}", "name": {"fi": f"{f} {n}"}} | {field: value}
        for f, field in enumerate(fields)
        for n, bad in enumerate(nasty)
        for value in (bad,)
    ]
    wrapped = [
        event(f"w:{n}") | {f: {"fi": bad, "@id": bad, "name": bad} for f in fields[1:]} for n, bad in enumerate(nasty)
    ]
    good = event("good:1", name="Hyvä \U0001f600")
    (tmp_path / "nasty.json").write_text(json.dumps({"data": [*records, None, [], *wrapped, good]}))
    report = await catalogue.take(tmp_path)
    assert report.counts.read == len(records) + len(wrapped) + 3
    assert catalogue.offers["good:1"].name.fi == "Hyvä \U0001f600"
    written = await OfferRecords(database).write(catalogue.news, NOW)
    assert written == set(catalogue.offers)
    assert all(len(encode(offer)) < 500_000 for offer in catalogue.offers.values())


@needs_sample
async def test_the_real_records_are_offers_or_refused_for_a_reason(imports):
    divisions = Divisions.read(SHARED / "districts")
    catalogue = Catalogue(imports, divisions)
    report = await catalogue.take(SAMPLE)
    records = json.loads(SAMPLE.read_text())["data"]
    assert report.counts.refused == {"no_name": 32, "no_start": 2}
    used = {id_ for offer in catalogue.offers.values() for id_ in offer.sources}
    assert len(used) + len(report.refusals) == report.counts.read == len(records) == 204
    theatre = catalogue.offers["lippupiste:serie-2640080"]
    assert (theatre.name.fi, len(theatre.dates)) == ("Tatu Ja Patu Helsingissä", 20)
    assert theatre.place.neighborhood == "ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"
    cancelled = catalogue.offers["kulke:52959"]
    assert (cancelled.status, cancelled.name.fi) == (
        Status.CANCELLED, "Kansallisteatterin Kiertuenäyttämö: Diplomaatit ENSI-ILTA",
    )  # fmt: skip
    course = catalogue.offers["harrastushaku:13248"]
    assert (course.seats, course.seats_left, course.age_min, course.age_max) == (35, 1, 12, 17)
    assert catalogue.offers["helsinki:afy6ikna3u"].online
    assert (await catalogue.take(SAMPLE)).counts.published == 0


@needs_sample
async def test_the_real_records_are_the_same_over_http_as_from_the_file(city, imports):
    from_file = Catalogue(imports)
    await from_file.take(SAMPLE)
    for record in json.loads(SAMPLE.read_text())["data"]:
        city.put(record, NOW)
    city.moods = [503, "truncated"]
    over_http = Catalogue(imports)
    report = await over_http.take(city.address)
    assert (report.counts.refused, report.counts.published) == ({"no_name": 32, "no_start": 2}, 0)
    assert report.counts.unchanged == len(from_file.offers)
