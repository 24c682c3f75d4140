"""Files, nasty records and the real ones."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from engine.districts import Divisions
from engine.errors import InvalidInput
from engine.offers import Status, encode
from engine.records.offers import OfferRecords
from tests.integration.linked_events.catalogue import NOW, Catalogue, event

pytestmark = pytest.mark.integration
SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"
SAMPLE = SHARED / "linked_events" / "events.json"
needs_sample = pytest.mark.skipif(not SAMPLE.is_file(), reason="the city's sample records are not beside this clone")


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
