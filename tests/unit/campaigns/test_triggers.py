"""Days as Helsinki has them, birthdays, targets, and whom what happened concerns."""

from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.facts import Act
from campaigns.schedule import (
    Birthday,
    JournalEvent,
    NewOffer,
    OfferChanged,
    OfferEvent,
    SavedOfferTomorrow,
    Webhook,
)
from campaigns.triggers import Concern, birth_dates, bounds, concerned, eve, heard, meant, starts_on
from engine.events import InteractionType
from engine.offers import Kind
from engine.rules import Target
from tests.factories import NOW, PREFIX, offer, place, series


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trigger", "kinds"),
    [
        (OfferChanged(changes=(OfferEvent.MOVED, OfferEvent.CANCELLED)), ("moved", "cancelled")),
        (NewOffer(target=Target()), ("new_offer",)),
        (SavedOfferTomorrow(hour=7), ("saved_offer_tomorrow:7",)),
        (Birthday(ages=(7,)), ("birthday:c1",)),
        (JournalEvent(interaction=InteractionType.REGISTER), ("journal_event:register",)),
        (Webhook(name="card_given"), ("webhook:card_given",)),
    ],
)
def test_each_trigger_listens_for_what_it_names(trigger, kinds):
    assert heard(trigger, "c1") == kinds


def test_the_eve_comes_at_the_hour_of_helsinki_in_winter_and_in_summer():
    assert eve(at(2026, 11, 22, 13, 59), 16) is None
    assert eve(at(2026, 11, 22, 14), 16) == (at(2026, 11, 22, 14), date(2026, 11, 23))
    assert eve(at(2026, 7, 1, 13), 16) == (at(2026, 7, 1, 13), date(2026, 7, 2))
    assert eve(at(2026, 11, 22, 21, 59), 16) == (at(2026, 11, 22, 14), date(2026, 11, 23))
    assert eve(at(2026, 11, 22, 22), 16) is None


def test_on_the_nights_when_clocks_change_a_day_has_23_or_25_hours_and_the_hour_comes_once():
    first, last = bounds(date(2026, 3, 29))
    assert last - first == timedelta(hours=23)
    first, last = bounds(date(2026, 10, 25))
    assert last - first == timedelta(hours=25)
    assert eve(at(2026, 3, 29, 1), 3) == (at(2026, 3, 29, 1), date(2026, 3, 30))  # 3:00 is 4:00 that night
    assert eve(at(2026, 10, 25, 0, 30), 3) == (at(2026, 10, 25, 0), date(2026, 10, 26))  # 3:00 comes twice
    assert eve(at(2026, 10, 25, 1, 30), 3) == (at(2026, 10, 25, 0), date(2026, 10, 26))


def test_an_offer_starts_on_a_day_of_helsinki_and_a_series_on_each_of_its_dates():
    late = offer(starts=at(2026, 11, 22, 22, 30), ends=None)  # half past midnight
    assert starts_on(late, date(2026, 11, 23))
    assert not starts_on(late, date(2026, 11, 22))
    weekly = series("test:weekly", [1, 8])
    assert starts_on(weekly, date(2026, 11, 23))
    assert starts_on(weekly, date(2026, 11, 30))
    assert not starts_on(weekly, date(2026, 11, 24))
    assert not starts_on(offer(starts=None, ends=None), date(2026, 11, 24))


def test_guardians_hear_so_many_days_before_at_nine():
    seven = Birthday(ages=(7, 8), days_before=14)
    assert birth_dates(seven, at(2026, 11, 22, 6, 59)) is None
    assert birth_dates(seven, at(2026, 11, 22, 7)) == (at(2026, 11, 22, 7), (date(2018, 12, 6), date(2019, 12, 6)))


def test_who_was_born_on_29_february_has_it_on_1_march_in_other_years():
    def born(day: int, month: int, year: int, age: int) -> tuple[date, ...]:
        told = birth_dates(Birthday(ages=(age,)), at(year, month, day, 12))
        assert told is not None
        return told[1]

    assert born(1, 3, 2027, 7) == (date(2020, 2, 29), date(2020, 3, 1))
    assert born(28, 2, 2027, 7) == (date(2020, 2, 28),)
    assert born(29, 2, 2028, 8) == (date(2020, 2, 29),)
    assert born(1, 3, 2028, 8) == (date(2020, 3, 1),)
    assert born(29, 2, 2028, 7) == ()


def test_a_target_means_offers_of_all_that_it_names():
    its = offer("a:1", keywords="swim jazz", place=place(), kind=Kind.COURSE, organiser="library", languages=("fi",))
    fitting = [
        Target(),
        Target(offers=("a:1", "a:2")),
        Target(sources=("test",), kinds=(Kind.COURSE, Kind.EVENT)),
        Target(keywords=("yso:jazz", "yso:chess"), organisers=("library",), languages=("sv", "fi")),
        Target(districts=(f"{PREFIX}district:kallio",)),
        Target(districts=(f"{PREFIX}neighborhood:kallio",), places=("tprek:library",)),
        Target(small_venues=3),
    ]
    assert all(meant(target, its, 3) for target in fitting)
    others = [
        Target(offers=("a:2",)),
        Target(keywords=("yso:jazz",), kinds=(Kind.SPACE,)),
        Target(places=("tprek:pool",)),
        Target(small_venues=2),
    ]
    assert not any(meant(target, its, 3) for target in others)
    assert not meant(Target(places=("tprek:library",)), offer(place=None), 0)


def concern(kind: str) -> Concern:
    return Concern(happening=1, kind=kind, offers=("o",), named=False, time=NOW)


@pytest.mark.parametrize(
    ("acts", "cancelled", "freed", "tomorrow"),
    [
        (["save"], True, True, True),
        (["register"], True, False, False),
        (["save", "register"], True, False, True),
        (["save", "register", "cancel"], True, True, True),
        (["register", "cancel"], False, False, False),
        (["save", "unsave"], False, False, False),
        (["save", "unsave", "save"], True, True, True),
        (["view", "open", "attend"], False, False, False),
    ],
)
def test_whom_it_concerns_is_who_meant_to_go(acts, cancelled, freed, tomorrow):
    did = [Act(n, "o", act, False) for n, act in enumerate(acts)]
    assert concerned(did, concern("cancelled")) is concerned(did, concern("moved")) is cancelled
    assert concerned(did, concern("seat_freed")) is concerned(did, concern("enrolment_opens")) is freed
    assert concerned(did, concern("saved_offer_tomorrow:16")) is tomorrow
    other = [Act(act.time, "another", act.type, False) for act in did]
    assert not concerned(other, concern("cancelled"))


def test_an_act_concerns_whoever_did_it():
    did = [Act(1, "o", "register", False), Act(2, "o", "cancel", False)]
    assert concerned(did, concern("journal_event:register"))
    assert not concerned(did, concern("journal_event:rate"))


def test_what_it_rests_on_is_asked_for_with_the_leave():
    everyone = {"is": "everyone"}
    assert concern("cancelled").rests_on == ("activity",)
    assert concern("birthday:c1").rests_on == ("interests",)
    assert concern("webhook:name").rests_on == ()
    freed = Concern(happening=1, kind="seat_freed", offers=("o",), named=False, time=NOW, audience=everyone)
    assert (freed.for_all, freed.rests_on) == (True, ())
    moved = Concern(happening=1, kind="moved", offers=("o",), named=False, time=NOW, audience=everyone)
    assert (moved.for_all, moved.rests_on) == (False, ("activity",))
