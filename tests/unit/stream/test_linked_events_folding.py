"""Series and duplicates: which records are one offer, under which id, and what it says."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.language import Localized
from engine.offers import Image, Keyword, Kind, Licence, Occurrence, Offer, Place, Status, over
from stream.sources.linked_events.folding import MOST_DATES, fold, group_key, offer_id
from stream.sources.linked_events.mapping import Draft, Role

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
HALL = Place(id="tprek:1", name=Localized(fi="Halli"), address=Localized(fi="Katu 1, 00100 Helsinki"))


def draft(id_, week=0, *, name="Jooga", place=HALL, role=Role.SINGLE, parent=None, ends=HOUR, **facts):
    starts = None if week is None else START + week * WEEK
    dates = () if starts is None else (Occurrence(starts, ends and starts + ends, id_),)
    offer = Offer(
        **{
            "id": id_, "source": "linked-events", "kind": Kind.EVENT, "name": Localized(fi=name), "place": place,
            "starts": starts, "ends": starts and ends and starts + ends, "dates": dates, "sources": (id_,), **facts,
        }
    )  # fmt: skip
    return Draft(offer=offer, role=role, parent=parent, publisher=facts.get("organiser"))


def test_the_same_title_at_the_same_place_is_the_same_offer_across_sources():
    kulke = draft("kulke:31042", name="Jooga!")
    matko = draft("matko:21991", name="jooga", place=Place(id="matko:9", address=Localized(fi="Katu 1, Helsinki")))
    assert group_key(kulke, None) == group_key(matko, None)
    assert group_key(kulke, None) != group_key(draft("x:1", name="Pilates"), None)
    assert group_key(kulke, None) != group_key(draft("x:1", place=Place(id="tprek:2")), None)
    assert group_key(kulke, None) != group_key(draft("x:1", kind=Kind.VOLUNTEERING), None)


def test_dates_of_a_series_share_its_key_whatever_they_are_called():
    head = draft("s:0", role=Role.SERIES)
    assert group_key(draft("s:1", 1, name="Jooga, 1. kerta", parent="s:0"), head) == group_key(head, None)
    assert group_key(draft("s:1", 1, name="Muu nimi", parent="s:0"), None) != group_key(head, None)


def test_dates_held_elsewhere_are_an_offer_of_their_own_unless_the_head_names_no_place():
    elsewhere = draft("s:1", 1, place=Place(id="tprek:2", name=Localized(fi="Muualla")), parent="s:0")
    head, placeless = draft("s:0", role=Role.SERIES), draft("s:0", role=Role.SERIES, place=None)
    assert group_key(elsewhere, head) != group_key(head, None)
    assert group_key(draft("s:2", 2, place=None, parent="s:0"), head) == group_key(head, None)
    assert group_key(elsewhere, placeless) == group_key(placeless, None)


def test_parts_of_a_festival_go_by_their_own_names():
    festival = draft("f:0", name="Juhlaviikot", role=Role.UMBRELLA)
    assert group_key(draft("f:1", parent="f:0"), festival) == group_key(draft("x:1"), None)


def test_two_courses_of_one_name_are_two_unless_they_start_on_one_day():
    first, second = draft("c:1", kind=Kind.COURSE), draft("c:2", 1, kind=Kind.COURSE)
    assert group_key(first, None) != group_key(second, None)
    assert group_key(first, None) == group_key(draft("d:1", kind=Kind.COURSE), None)


def test_online_offers_fold_by_publisher_and_placeless_ones_not_at_all():
    online = [draft(i, place=None, online=True, organiser=o) for i, o in (("a:1", "A"), ("a:2", "A"), ("b:1", "B"))]
    keys = [group_key(d, None) for d in online]
    assert keys[0] == keys[1] != keys[2]
    assert group_key(draft("a:1", place=None), None) != group_key(draft("a:2", place=None), None)


def test_the_id_is_the_heads_else_the_earliest_known_and_then_stays():
    members = [(2, draft("a:1")), (1, draft("b:9", 5)), (1, draft("b:1", 6))]
    assert offer_id(members, None) == "b:9"
    assert offer_id([*members, (3, draft("s:0", role=Role.SERIES))], None) == "s:0"
    assert offer_id([*members, (3, draft("s:0", role=Role.SERIES))], "b:9") == "b:9"


def test_a_series_becomes_one_offer_with_its_dates():
    head = draft("s:0", role=Role.SERIES, ends=3 * WEEK, description=Localized(fi="Pitkä"), seats=5, seats_left=2)
    weeks = [draft(f"s:{n}", n - 1, parent="s:0") for n in (3, 1, 2)]
    offer = fold([*weeks, head], "s:0")
    assert [date.id for date in offer.dates] == ["s:1", "s:2", "s:3"]
    assert (offer.starts, offer.ends) == (START, START + 2 * WEEK + HOUR)
    assert (offer.series, offer.sources) == ("s:0", ("s:0", "s:1", "s:2", "s:3"))
    assert (offer.description.fi, offer.seats, offer.seats_left, offer.ongoing) == ("Pitkä", 5, 2, False)


def test_a_head_alone_keeps_its_span_and_its_seats():
    offer = fold([draft("s:0", role=Role.SERIES, ends=3 * WEEK, seats_left=0)], "s:0")
    assert (offer.starts, offer.ends, offer.seats_left) == (START, START + 3 * WEEK, 0)


def test_a_record_that_spans_the_others_is_no_date_of_its_own():
    offer = fold([draft("agg-1", ends=10 * WEEK), draft("x:1", 2), draft("x:2", 4)], "agg-1")
    assert [date.id for date in offer.dates] == ["x:1", "x:2"]


def test_a_cancelled_date_is_left_out_and_wins_over_its_duplicate():
    told = [draft("a:1"), draft("b:1", status=Status.CANCELLED), draft("a:2", 1)]
    offer = fold(told, "a:1")
    assert (offer.status, [date.id for date in offer.dates]) == (Status.SCHEDULED, ["a:2"])
    off = fold([draft("a:1", status=Status.CANCELLED), draft("a:2", 1, status=Status.POSTPONED)], "a:1")
    assert (off.status, len(off.dates)) == (Status.CANCELLED, 2)


def test_a_cancelled_head_cancels_the_series():
    head = draft("s:0", role=Role.SERIES, status=Status.CANCELLED)
    assert fold([head, draft("s:1", parent="s:0")], "s:0").status == Status.CANCELLED


def test_records_fill_each_others_gaps():
    image = Image(url="https://x.fi", licence=Licence.CC_BY)
    rich = draft("a:1", description=Localized(fi="Teksti"), keywords=(Keyword("yso:p1", Localized(fi="jooga")),))
    poor = draft("b:1", image=image, age_min=7, languages=("fi",), keywords=(Keyword("yso:p1", Localized(sv="yoga")),))
    poor = msgspec.structs.replace(
        poor, offer=msgspec.structs.replace(poor.offer, name=Localized(fi="Jooga", sv="Yoga"))
    )
    offer = fold([rich, poor], "a:1")
    assert (offer.name, offer.description.fi) == (Localized(fi="Jooga", sv="Yoga"), "Teksti")
    assert (offer.image, offer.age_min, offer.languages, len(offer.dates)) == (image, 7, ("fi",), 1)
    assert offer.keywords == (Keyword("yso:p1", Localized(fi="jooga", sv="yoga")),)


def test_there_are_seats_while_any_date_has_some():
    full, free = draft("a:1", seats=5, seats_left=0), draft("a:2", 1, seats=5, seats_left=3)
    assert fold([full, free], "a:1").seats_left == 3
    assert fold([full, draft("a:2", 1)], "a:1").seats_left is None
    assert fold([full, draft("b:1")], "a:1").seats_left == 0  # a duplicate that knows nothing of seats


def test_a_festival_names_the_series_of_its_parts():
    assert fold([draft("x:1", parent="f:0")], "x:1", {"f:0"}).series == "f:0"
    assert fold([draft("f:0", role=Role.UMBRELLA)], "f:0").series == "f:0"
    assert fold([draft("x:1")], "x:1").series is None


@given(st.permutations([draft(f"a:{n}", n % 5, ends=None if n % 2 else HOUR) for n in range(9)]))
def test_the_order_of_records_changes_nothing_and_no_moment_counts_twice(drafts):
    offer = fold(drafts, "a:0")
    assert offer == fold(sorted(drafts, key=lambda d: d.id), "a:0")
    assert len({date.starts for date in offer.dates}) == len(offer.dates) == 5
    assert not over(offer, max(date.starts for date in offer.dates))


def test_a_weekly_thing_of_many_years_keeps_its_latest_dates():
    offer = fold([draft(f"a:{n}", n) for n in range(MOST_DATES + 5)], "a:0")
    assert (len(offer.dates), offer.starts) == (MOST_DATES, START + 5 * WEEK)
