"""What has happened to an offer, by what it was and what it is."""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
import pytest

from engine.happenings import Happening, changes, opened
from engine.language import Localized
from engine.offers import Offer, Status
from tests.factories import NOW, offer, place, series

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
replace = msgspec.structs.replace


@dataclass
class Was:
    """An offer as it was, and what happens when it is said otherwise."""

    its: Offer

    def told(self, **now) -> list[str]:
        return [happened.kind for happened in changes(self.its, replace(self.its, **now), NOW)]


@pytest.fixture
def full() -> Was:
    return Was(offer("test:full", seats=10, seats_left=0, place=place()))


def test_what_was_never_known_is_new_if_one_may_still_go():
    its = offer("test:new")
    assert list(changes(None, its, NOW)) == [
        Happening(kind="new_offer", source="test:new", offers=("test:new",), time=NOW)
    ]
    assert list(changes(None, offer(days=-2), NOW)) == []
    assert list(changes(None, replace(its, status=Status.CANCELLED), NOW)) == []
    assert list(changes(None, replace(its, seats_left=0), NOW)) == []


def test_the_same_again_and_other_words_are_nothing_that_happened(full: Was):
    assert full.told() == []
    assert full.told(name=Localized(fi="Toinen nimi"), free=True, age_min=7) == []


def test_a_seat_is_freed_where_all_were_taken_and_once_an_hour(full: Was):
    assert full.told(seats_left=1) == ["seat_freed"]
    assert full.told(seats_left=None) == ["seat_freed"]
    assert full.told(seats_left=0) == []
    assert Was(replace(full.its, seats_left=3)).told(seats_left=4) == []
    freed = replace(full.its, seats_left=1)
    (first,), (second,), (later,) = (list(changes(full.its, freed, NOW + timedelta(minutes=m))) for m in (0, 59, 60))
    assert first.source == second.source != later.source


def test_a_freed_seat_that_cannot_be_taken_yet_or_any_more_is_none(full: Was):
    assert full.told(seats_left=1, enrolment_opens=NOW + DAY) == []
    assert full.told(seats_left=1, enrolment_closes=NOW - HOUR) == []


def test_it_is_called_off_once_and_then_nothing_else(full: Was):
    assert full.told(status=Status.CANCELLED, starts=NOW + 9 * DAY, seats_left=2) == ["cancelled"]
    off = Was(replace(full.its, status=Status.CANCELLED))
    assert off.told() == off.told(status=Status.SCHEDULED) == []
    assert Was(offer(days=-3)).told(status=Status.CANCELLED) == []


def test_it_is_moved_in_time_or_place(full: Was):
    starts = full.its.starts
    assert full.told(starts=starts + HOUR, ends=starts + 3 * HOUR) == ["moved"]
    assert full.told(place=place("pool")) == ["moved"]
    assert full.told(online=True) == ["moved"]
    assert full.told(status=Status.POSTPONED) == ["moved"]
    assert Was(replace(full.its, status=Status.POSTPONED)).told(status=Status.POSTPONED) == []


def test_another_end_another_id_of_the_same_place_or_a_place_now_known_is_no_move(full: Was):
    assert full.told(ends=full.its.ends + HOUR) == []
    assert full.told(place=replace(place(), id="tprek:other")) == []
    assert Was(replace(full.its, place=None)).told(place=place()) == []


def test_a_series_goes_on_without_having_moved_and_moves_where_a_date_to_come_is_another():
    its = series("test:series", [-7, 1, 8])
    assert Was(its).told(dates=its.dates[1:], starts=its.dates[1].starts) == []
    more = series("test:series", [-7, 1, 8, 15])
    assert [it.kind for it in changes(its, more, NOW)] == []
    other = series("test:series", [-7, 1, 9])
    assert [it.kind for it in changes(its, other, NOW)] == ["moved"]


def test_an_enrolment_that_is_brought_forward_opens_and_is_known_to_the_clock_as_the_same():
    its = Was(offer(enrolment_opens=NOW + DAY))
    assert its.told(enrolment_opens=NOW + 2 * DAY) == []
    (told,) = changes(its.its, replace(its.its, enrolment_opens=NOW - HOUR), NOW)
    assert (told.kind, told.time) == ("enrolment_opens", NOW)
    assert told.source == opened(its.its.id, NOW - HOUR).source
    assert Was(offer(enrolment_opens=NOW - HOUR)).told(enrolment_opens=NOW - 2 * HOUR) == []
    assert Was(offer()).told(enrolment_opens=NOW - 2 * HOUR) == []
