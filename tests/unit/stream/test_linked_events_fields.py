"""Single fields of Linked Events: titles, times, texts, prices, places, words and addresses."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.districts import PREFIX, Divisions
from engine.language import Localized
from engine.offers import Access, Keyword, Licence, Place, Status
from stream.sources.linked_events.concepts import read_access, read_keywords, read_languages
from stream.sources.linked_events.fields import reference, web_address, whole
from stream.sources.linked_events.links import read_enrolment_link, read_image
from stream.sources.linked_events.places import complete, is_city_wide, is_online, place_key, read_place
from stream.sources.linked_events.prices import read_price
from stream.sources.linked_events.texts import localized, plain, rich
from stream.sources.linked_events.times import read_span
from stream.sources.linked_events.titles import read_title

API = "https://api.hel.fi/linkedevents/v1"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "clean", "status"),
    [
        ("PERUTTU: Lasten disko", "Lasten disko", Status.CANCELLED),
        ("Lasten disko - PERUTTU", "Lasten disko", Status.CANCELLED),
        ("Lasten disko (peruttu)", "Lasten disko", Status.CANCELLED),
        ("Inställt! Barndisko", "Barndisko", Status.CANCELLED),
        ("INSTÄLLT BARNDISKO", "BARNDISKO", Status.CANCELLED),
        ("[CANCELED] Kids' disco", "Kids' disco", Status.CANCELLED),
        ("Konsertti (SIIRRETTY 3.5.)", "Konsertti", Status.RESCHEDULED),
        ("Konsertti \u2013 siirretty uuteen aikaan", "Konsertti", Status.RESCHEDULED),
        ("PERUTTU / SIIRRETTY VERKKOON Diplomaatit", "Diplomaatit", Status.CANCELLED),
        ("PERUTTU", "PERUTTU", Status.CANCELLED),
        ("Peruttu häämatka", "Peruttu häämatka", None),
        ("Peruttujen lupausten ilta", "Peruttujen lupausten ilta", None),
        ("SIIRRETTY OMAISUUS", "SIIRRETTY OMAISUUS", None),
        ("Kaupunki ja superuttu", "Kaupunki ja superuttu", None),
    ],
)
def test_a_title_tells_whether_it_takes_place(title, clean, status):
    assert read_title(title) == (clean, status)


@given(st.text(alphabet="PERUTperut SIiryt()[]!-:/.", max_size=60))
def test_reading_a_title_ends_and_leaves_something(title):
    assert bool(read_title(title)[0]) == bool(title)


def span(start, end=None, **bare):
    return read_span(start, end, **{"has_start_time": True, "has_end_time": True, **bare})


def test_a_time_without_a_zone_is_helsinki_time():
    assert span("2026-01-14T10:00:00").starts == utc(2026, 1, 14, 8)
    assert span("2026-07-14T10:00:00").starts == utc(2026, 7, 14, 7)


def test_a_bare_date_is_that_whole_day_in_helsinki():
    assert span("2026-01-14") == span("2026-01-14T00:00:00+02:00", "2026-01-15T00:00:00+02:00")
    # The night of 29 March 2026 is an hour short.
    assert span("2026-03-29").ends == utc(2026, 3, 29, 21)


def test_the_last_day_of_bare_dates_belongs_to_the_event():
    assert span("2026-01-14", "2026-04-21").ends == utc(2026, 4, 21, 21)


def test_flags_say_that_full_timestamps_are_bare_dates():
    told = span("2026-01-13T22:00:00Z", "2026-01-15T22:00:00Z", has_start_time=False, has_end_time=False)
    assert (told.starts, told.ends) == (utc(2026, 1, 13, 22), utc(2026, 1, 15, 22))
    same_day = span("2026-01-13T22:00:00Z", "2026-01-13T22:00:00Z", has_start_time=False, has_end_time=False)
    assert same_day.ends == utc(2026, 1, 14, 22)


def test_a_year_of_two_digits_is_repaired_where_the_end_confirms_it():
    told = span("0026-09-23T11:20:11Z", "2026-12-23T12:00:00Z")
    assert (told.starts, told.ends, told.repairs) == (
        utc(2026, 9, 23, 11, 20, 11), utc(2026, 12, 23, 12), ("year_repaired",)
    )  # fmt: skip
    assert span("0026-09-23T11:20:11Z").problem == "impossible_year"
    assert span("0026-09-23T11:20:11Z", "2019-12-23T12:00:00Z").problem == "impossible_year"
    assert span("3026-09-23T11:20:11Z").problem == "impossible_year"


def test_an_impossible_end_is_dropped_or_shortened():
    assert span("2026-09-23T11:00:00Z", "2026-09-23T10:00:00Z").repairs == ("end_dropped",)
    assert span("2026-09-23T11:00:00Z", "soon").repairs == ("end_dropped",)
    assert span("2001-05-01", "2050-12-31").ends == utc(2050, 12, 31, 22)
    assert span("2026-09-23T11:00:00Z", "9999-12-31T23:59:59Z").ends == utc(2100, 12, 31)


def test_a_start_that_is_no_time_is_told_from_one_that_is_missing():
    assert span("next week").problem == "unreadable_time"
    assert span(17).problem == "unreadable_time"
    assert span(None).problem is None


@given(
    st.text() | st.datetimes().map(datetime.isoformat),
    st.text() | st.datetimes().map(datetime.isoformat),
    st.booleans(),
)
def test_a_span_never_ends_before_it_starts(start, end, bare):
    told = span(start, end, has_start_time=bare, has_end_time=bare)
    assert told.starts is None or told.ends is None or told.starts <= told.ends


def test_descriptions_keep_harmless_html_only():
    dirty = '<h3>Tule!</h3><p onclick="y">Hei <b>sinä</b> <a href="javascript:x">a</a><img src=x></p><ol><li>1</ol>'
    assert rich(dirty) == '<p>Tule!</p><p>Hei <strong>sinä</strong> <a rel="noopener">a</a></p><ul><li>1</li></ul>'
    assert rich("<p>&nbsp;</p>") is None
    assert rich("a < b & c") == "a &lt; b &amp; c"


def test_names_are_plain_text():
    assert plain("The jour\u00adney of&nbsp;the <b>cello</b><br>tonight \x00") == "The journey of the cello tonight"
    assert plain("Raija Malka &amp; Kaija Saariaho") == "Raija Malka & Kaija Saariaho"
    assert plain("&lt;script&gt;") == "<script>"
    assert plain("\ud800 \u202e") is None
    assert len(plain("pitkä " * 10_000) or "") <= 300


def test_missing_languages_are_left_out():
    assert localized({"fi": "Hei", "sv": None, "en": "", "ru": "Привет"}) == Localized(fi="Hei")
    assert localized("Hei") == Localized(fi="Hei")
    assert localized([1]) == Localized()


@pytest.mark.parametrize(
    ("offers", "free"),
    [
        ([{"is_free": True}], True),
        ([{"is_free": True, "price": {"fi": "Maksullinen"}}], False),
        ([{"is_free": True, "price": {"fi": "Vapaa pääsy, kahvi 2 €"}}], True),
        ([{"is_free": False, "price": {"fi": "Vapaa pääsy"}}], None),
        ([{"is_free": False, "price": {"fi": "5-15€"}}], False),
        ([{"price": {"en": "Not free"}}], False),
        ([{"is_free": True}, {"is_free": False}], False),
        ([{"is_free": "yes"}, None, 3], None),
        ([], None),
        (None, None),
    ],
)
def test_the_words_of_a_price_count_more_than_its_flag(offers, free):
    assert read_price(offers)[0] is free


def test_prices_of_several_offers_are_told_together():
    offers = [{"price": {"fi": "Aikuiset 10 €"}}, {"price": {"fi": "Lapset 5 €"}}, {"price": {"fi": "Lapset 5 €"}}]
    assert read_price(offers)[1].fi == "Aikuiset 10 €; Lapset 5 €"


def test_a_place_has_address_point_and_divisions():
    place = read_place(
        {
            "@id": f"{API}/place/tprek:8178/",
            "name": {"fi": "Kallion kirjasto"},
            "street_address": {"fi": "Viides linja 11, Helsinki", "sv": "Femte linjen 11"},
            "postal_code": "00530",
            "address_locality": {"fi": "Helsinki", "sv": "Helsingfors"},
            "position": {"type": "Point", "coordinates": [24.9538, 60.1838]},
            "divisions": [
                {"type": "neighborhood", "ocd_id": f"{PREFIX}kaupunginosa:kallio"},
                {"type": "district", "municipality": "Helsinki", "name": {"fi": "Kallio"}},
                {"type": "muni", "ocd_id": "ocd-division/country:fi/kunta:helsinki"},
            ],
        }
    )
    assert place == Place(
        id="tprek:8178",
        name=Localized(fi="Kallion kirjasto"),
        address=Localized(fi="Viides linja 11, 00530 Helsinki", sv="Femte linjen 11, 00530 Helsingfors"),
        lat=60.1838,
        lon=24.9538,
        neighborhood=f"{PREFIX}neighborhood:kallio",
        district=f"{PREFIX}district:kallio",
    )


def test_a_place_without_an_id_is_known_by_its_street():
    first = read_place({"street_address": {"fi": "Yrjönkatu 30"}, "postal_code": "00100"})
    other = read_place({"street_address": {"fi": "Yrjönkatu 30, Helsinki"}, "address_locality": {"fi": "Helsinki"}})
    assert first.id == other.id == "address:yrjonkatu-30"
    assert place_key(first) == place_key(other)
    assert read_place({"name": {"fi": None}}) is None


def test_points_the_wrong_way_round_are_turned_and_impossible_ones_dropped():
    def point(*pair):
        place = read_place({"id": "x:1", "position": {"coordinates": list(pair)}})
        return place.lat, place.lon

    assert point(60.17, 24.94) == point(24.94, 60.17) == (60.17, 24.94)
    assert point(0, 0) == point(float("nan"), 60.0) == point(True, "x") == point(1) == (None, None)


def test_internet_and_the_whole_town_are_no_places():
    assert is_online(read_place({"@id": f"{API}/place/helsinki:internet/"}))
    assert is_online(read_place({"name": {"fi": "Internet"}}))
    assert is_city_wide(read_place({"@id": f"{API}/place/matko:732/"}))
    assert is_city_wide(read_place({"id": "x:1", "name": {"fi": "Helsinki", "sv": "Helsingfors"}}))
    assert not is_city_wide(read_place({"id": "x:1", "name": {"fi": "Helsinki"}, "street_address": {"fi": "Katu 1"}}))


def test_a_place_is_completed_from_the_register():
    known = Place(id="tprek:1", name=Localized(fi="Talo", sv="Hus"), lat=60.2, lon=24.9, district="d")
    assert complete(Place(id="tprek:1", name=Localized(fi="Oma nimi")), known, Divisions()) == Place(
        id="tprek:1", name=Localized(fi="Oma nimi", sv="Hus"), lat=60.2, lon=24.9, district="d"
    )
    assert complete(Place(id="tprek:1"), None, Divisions()) == Place(id="tprek:1")


def test_keywords_keep_ids_and_labels_and_each_once():
    told = [
        {"@id": f"{API}/keyword/yso%3Ap1808/"},
        {"id": "yso:p1808", "name": {"fi": "musiikki"}},
        {"name": {"fi": "Teatteri"}},
    ]
    assert read_keywords([*told, None, 5, "yso:p1"]) == (
        Keyword("yso:p1808", Localized(fi="musiikki")),
        Keyword("label:teatteri", Localized(fi="Teatteri")),
        Keyword("yso:p1"),
    )


def test_languages_and_access_come_from_language_and_keyword_ids():
    keywords = (Keyword("kulke:54"), Keyword("yso:p15356"))
    told = [
        {"@id": f"{API}/language/fi/"},
        {"@id": f"{API}/language/zh_hans/"},
        {"@id": f"{API}/language/sign_language/"},
    ]
    assert read_languages(told, keywords) == ("fi", "zh", "sv")
    assert read_access(told, keywords) == (Access.PLAIN_LANGUAGE, Access.SIGN_LANGUAGE)
    assert read_access([], ()) is None


def test_an_image_without_a_clear_licence_goes_with_its_event_only():
    assert read_image([None, {"url": "x"}, {"url": "https://a.fi/b.jpg", "license": "cc_by"}]).licence == Licence.CC_BY
    assert read_image([{"url": "https://a.fi/b.jpg", "license": ["cc_by"]}]).licence == Licence.EVENT_ONLY
    assert read_image({"url": "https://a.fi/b.jpg", "alt_text": "Kuva"}).alt == Localized(fi="Kuva")


def test_one_enrols_at_the_registration_else_the_named_link_else_the_offer():
    record = {
        "registration": {"signup_url": {"fi": "https://r.fi"}},
        "external_links": [{"name": "registration", "link": "https://l.fi/sv", "language": "sv"}],
        "offers": [{"info_url": {"en": "https://o.fi"}}],
    }
    assert read_enrolment_link(record) == Localized(fi="https://r.fi", sv="https://l.fi/sv")
    assert read_enrolment_link({"offers": record["offers"]}) == Localized(en="https://o.fi")


def test_addresses_are_on_the_web_or_nothing():
    assert web_address("www.amosrex.fi/sv") == "https://www.amosrex.fi/sv"
    for bad in ("javascript:alert(1)", "https://a b.fi", 'https://a.fi/"x', "hei", None, "https://a.fi/" + "x" * 3000):
        assert web_address(bad) is None


def test_references_are_read_from_addresses_objects_and_ids():
    assert reference({"@id": f"{API}/place/tprek:7254/?format=json"}) == "tprek:7254"
    assert reference({"id": "yso:p1", "@id": 5}) == reference("yso:p1") == "yso:p1"
    assert reference({"@id": "http://["}) is reference("two words") is reference({}) is None


def test_whole_numbers_have_bounds_and_are_not_booleans():
    assert [whole(v, most=10) for v in (0, 10, 11, -1, True, 1.0, "1", None)] == [0, 10, *[None] * 6]
