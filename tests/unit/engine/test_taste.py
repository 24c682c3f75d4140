from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import InteractionType
from engine.folding import Share, fold, fold_many
from engine.offers import Kind, Occurrence
from engine.taste import (
    FLOOR,
    HALF_LIVES_DAYS,
    LESSONS,
    MOST_FEATURES,
    MOST_SEEN,
    MOST_SETTLED,
    Lane,
    Taste,
    features,
    key,
)
from tests.factories import NOW, keyword, observation, offer, place, taste

POOL = "swimming reading jazz sewing chess football"
COURSES = offer("test:course", keywords="swimming", kind=Kind.COURSE)
EVENT = offer("test:event", keywords="swimming", place=place())


def weight(of: Taste, name: str, now: datetime = NOW, *, located: bool = True) -> float:
    keys, weights = of.weights(now, located=located)
    found = dict(zip(keys.tolist(), weights.tolist(), strict=True))
    return found.get(key(name), 0.0)


@st.composite
def histories(draw: st.DrawFn):
    offers = [
        offer(
            f"test:{n}",
            keywords=" ".join(draw(st.sets(st.sampled_from(POOL.split()), min_size=1, max_size=3))),
            kind=draw(st.sampled_from(list(Kind))),
            place=place(draw(st.sampled_from(["oodi", "kallio", "pool"]))),
        )
        for n in range(4)
    ]
    acts = st.tuples(
        st.sampled_from(offers), st.sampled_from(list(InteractionType)), st.integers(0, 86_400 * 60), st.integers(1, 5)
    )
    return [
        observation(of, type_, ago=seconds / 86_400, value=stars if type_ == "rate" else None)
        for of, type_, seconds, stars in draw(st.lists(acts, min_size=1, max_size=25))
    ]


def same(one: Taste, other: Taste) -> None:
    names = set(one.keys.tolist()) | set(other.keys.tolist())
    moment = NOW + timedelta(days=1)
    for located in (True, False):
        first, second = (
            dict(zip(*(part.tolist() for part in t.weights(moment, located=located)), strict=True))
            for t in (one, other)
        )
        for name in names:
            # A feature that faded below the floor on one way may have been dropped there: at most once a batch.
            assert first.get(name, 0) == pytest.approx(second.get(name, 0), rel=1e-3, abs=5 * FLOOR)
    assert one.touches.tolist() == other.touches.tolist()


@given(histories(), st.randoms(use_true_random=False), st.data())
@settings(deadline=None, max_examples=60)
def test_any_order_and_any_batches_give_the_same_taste(history, random, data):
    at_once = fold(Taste(), history, located=True)
    shuffled = list(history)
    random.shuffle(shuffled)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    in_batches = Taste()
    for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True):
        in_batches = Taste.unpack(fold(in_batches, shuffled[start:end], located=True).pack())
    same(at_once, in_batches)


@given(st.lists(st.tuples(histories(), histories(), st.booleans()), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_residents_folded_together_are_as_if_each_were_folded_alone(people):
    before = [fold(Taste(), history, located=True) for history, _, _ in people]
    together = fold_many([Share(b, new, located) for b, (_, new, located) in zip(before, people, strict=True)])
    alone = [fold(b, new, located=located) for b, (_, new, located) in zip(before, people, strict=True)]
    assert [t.pack() for t in together] == [t.pack() for t in alone]
    assert fold_many([Share(before[0], [], located=True)]) == [before[0]]


@given(histories())
@settings(deadline=None, max_examples=30)
def test_packing_loses_nothing(history):
    before = fold(Taste(), history, located=True)
    after = Taste.unpack(before.pack())
    assert after.reference == before.reference
    for name in ("keys", "sums", "located", "touches"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    assert after.pack() == before.pack()


@given(histories())
@settings(deadline=None, max_examples=30)
def test_nothing_of_places_is_learned_or_kept_without_leave_for_location(history):
    located = fold(Taste(), history, located=True)
    places = [name for o in history for name in o.features if name.startswith(("place", "district", "neighborhood"))]
    withdrawn = fold(located, history[:1], located=False)
    for name in places:
        assert key(name) not in withdrawn.keys.tolist()
        assert weight(located, name, located=False) == 0
    assert not withdrawn.located.any()


@pytest.mark.parametrize("type_", list(InteractionType))
@pytest.mark.parametrize("kind", list(Kind))
def test_what_an_interaction_teaches_is_halved_in_its_half_life(type_, kind):
    of = offer("test:1", keywords="swimming", kind=kind)
    value = 5 if type_ == "rate" else None
    lesson = LESSONS[type_]
    half_life = HALF_LIVES_DAYS[lesson.event if kind is Kind.EVENT else lesson.other]
    learned = taste(observation(of, type_, value=value))
    at_first = weight(learned, "keyword:yso:swimming")
    assert at_first != 0
    later = weight(learned, "keyword:yso:swimming", NOW + timedelta(days=half_life))
    assert later == pytest.approx(at_first / 2, rel=1e-5)


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_events_fade_sooner_than_courses(lesson):
    assert HALF_LIVES_DAYS[lesson.event] < HALF_LIVES_DAYS[lesson.other]


def test_glances_fade_in_days_saves_in_weeks_and_attendance_in_months():
    days = [HALF_LIVES_DAYS[LESSONS[InteractionType(t)].event] for t in ("view", "save", "attend")]
    assert days[0] < 7 < days[1] < 30 < days[2]


def test_a_stronger_act_teaches_more():
    taught = [
        weight(taste(observation(COURSES, t)), "keyword:yso:swimming") for t in ("view", "open", "save", "register")
    ]
    assert taught == sorted(taught)
    assert taught[0] > 0


def test_many_keywords_teach_no_more_in_all_than_one():
    one, many = offer(keywords="a"), offer(keywords="a b c d")
    length = np.sqrt(sum(weight(taste(observation(many, "save")), f"keyword:yso:{k}") ** 2 for k in "abcd"))
    assert length == pytest.approx(weight(taste(observation(one, "save")), "keyword:yso:a"))


def test_a_dismissal_teaches_mildly_against_its_topic_and_settles_the_offer():
    learned = taste(observation(COURSES, "dismiss"))
    liked = weight(taste(observation(COURSES, "save")), "keyword:yso:swimming")
    assert -liked < weight(learned, "keyword:yso:swimming") < 0
    assert learned.settled().tolist() == [key(COURSES.id)]


@pytest.mark.parametrize(("stars", "sign"), [(1, -1), (2, -1), (3, 1), (4, 1), (5, 1)])
def test_stars_teach_for_or_against(stars, sign):
    learned = taste(observation(COURSES, "rate", value=stars))
    assert np.sign(weight(learned, "keyword:yso:swimming")) == sign


@pytest.mark.parametrize(
    ("acts", "settled"),
    [
        (["view", "open", "share"], False),
        (["save"], True),
        (["save", "unsave"], False),
        (["dismiss"], True),
        (["dismiss", "unsave"], False),
        (["register"], True),
        (["register", "cancel"], False),
        (["register", "save", "unsave"], True),
        (["register", "attend"], True),
        (["save", "unsave", "save"], True),
    ],
)
def test_an_offer_is_settled_by_the_latest_act_of_each_lane(acts, settled):
    seen = [observation(EVENT, act, ago=10 - n) for n, act in enumerate(acts)]
    assert (key(EVENT.id) in taste(*seen).settled().tolist()) is settled
    assert (key(EVENT.id) in taste(*reversed(seen)).settled().tolist()) is settled


def test_recent_acts_come_newest_first_with_their_time():
    learned = taste(observation(EVENT, "view", ago=3), observation(COURSES, "open", ago=1))
    newest, oldest = learned.recent()
    assert (newest.offer, newest.type) == (key(COURSES.id), InteractionType.OPEN)
    assert oldest.time == pytest.approx((NOW - timedelta(days=3)).timestamp(), abs=0.01)


def test_a_glance_is_forgotten_in_the_end_but_a_saved_offer_stays_settled():
    old = [observation(EVENT, "view", ago=100), observation(COURSES, "save", ago=300)]
    learned = fold(taste(*old), [observation(offer("test:new"), "view")], located=True)
    assert weight(learned, "when:weekday-evening") == 0
    assert key(COURSES.id) in learned.settled().tolist()


def test_an_active_resident_takes_little():
    words = [f"topic{n}" for n in range(16)]
    offers = [
        offer(
            f"test:{n}",
            keywords=" ".join(words[(3 * n + k) % 16] for k in range(4)),
            place=place(f"place{n % 6}", neighborhood=f"n:{n % 4}", district=f"d:{n % 3}"),
            organiser=f"organiser{n % 3}",
            kind=Kind.COURSE if n % 4 == 0 else Kind.EVENT,
        )
        for n in range(20)
    ]
    acts = [("view", n, n % 9) for n in range(20)] + [("save", n, n) for n in range(0, 20, 4)] + [("register", 8, 20)]
    learned = taste(*(observation(offers[n], act, ago=days) for act, n, days in acts))
    assert 35 <= len(learned.keys) <= 50
    assert len(learned.touches) == MOST_SEEN + 6
    assert len(learned.pack()) <= 850


def test_the_state_is_bounded_and_keeps_the_strongest_and_the_newest():
    many = [offer(f"test:{n}", keywords=f"k{n}") for n in range(300)]
    seen = [observation(of, "save", ago=n / 10) for n, of in enumerate(many)]
    seen += [observation(of, "view", ago=n / 10) for n, of in enumerate(many)]
    learned = taste(*seen)
    assert len(learned.keys) == MOST_FEATURES
    assert len(learned.touches) == MOST_SEEN + MOST_SETTLED
    assert weight(learned, "keyword:yso:k0") > 0
    assert weight(learned, "keyword:yso:k299") == 0
    assert key("test:0") in learned.settled().tolist()
    assert [t.type for t in learned.recent(2)] == [InteractionType.SAVE, InteractionType.VIEW]


@pytest.mark.parametrize("spoiled", [b"", b"\x01", bytes([9]) + taste(observation(EVENT)).pack()[1:]])
def test_an_unknown_or_short_form_is_refused(spoiled):
    with pytest.raises(ValueError, match="unknown version; rebuild it from the journal"):
        Taste.unpack(spoiled)


def test_a_form_that_was_cut_is_refused():
    with pytest.raises(ValueError, match="cut short; rebuild it from the journal"):
        Taste.unpack(taste(observation(EVENT)).pack()[:-1])


def test_a_resident_who_did_nothing_has_an_empty_taste():
    empty = Taste.unpack(Taste().pack())
    assert not empty
    assert len(empty.settled()) == len(empty.recent()) == len(empty.weights(NOW, located=True)[0]) == 0
    assert fold(Taste(), [], located=True).pack() == Taste().pack()


def test_every_type_has_a_lesson_and_a_number_of_its_own():
    assert set(LESSONS) == set(InteractionType)
    assert len({lesson.code for lesson in LESSONS.values()}) == len(LESSONS)
    assert all(lesson.lane is not Lane.SEEN for lesson in LESSONS.values() if lesson.settles)


def test_an_offers_features_are_named():
    of = offer(keywords="swimming", place=place(), organiser="City", audience=(keyword("children"),))
    assert set(features(of)) == {
        "keyword:yso:swimming",
        "audience:yso:children",
        "kind:event",
        "organiser:City",
        "place:tprek:library",
        "district:ocd-division/country:fi/kunta:helsinki/district:kallio",
        "neighborhood:ocd-division/country:fi/kunta:helsinki/neighborhood:kallio",
        "when:weekday-afternoon",
    }


@pytest.mark.parametrize("where", [{"city_wide": True}, {"online": True}, {"place": None}])
def test_the_whole_city_and_the_internet_are_no_place(where):
    assert not any(name.startswith(("place", "district")) for name in features(offer(**({"place": place()} | where))))


@pytest.mark.parametrize(
    ("starts", "part"),
    [
        (datetime(2026, 7, 1, 14, 30, tzinfo=UTC), "weekday-evening"),  # 17.30 in summer time
        (datetime(2026, 12, 2, 14, 30, tzinfo=UTC), "weekday-afternoon"),  # 16.30 in winter time
        (datetime(2026, 12, 2, 15, 0, tzinfo=UTC), "weekday-evening"),
        (datetime(2026, 11, 20, 22, 30, tzinfo=UTC), "weekend-morning"),  # already Saturday in Helsinki
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "weekend-morning"),  # the hour that comes twice
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "weekend-morning"),
        (datetime(2026, 11, 23, 9, 59, tzinfo=UTC), "weekday-morning"),
    ],
)
def test_the_part_of_the_week_is_that_of_helsinki(starts, part):
    assert f"when:{part}" in features(offer(starts=starts, ends=None))


def test_a_series_counts_with_the_two_commonest_parts_of_the_week():
    starts = [NOW + timedelta(days=d, hours=h) for d, h in [(1, 7), (2, 7), (3, 7), (4, 0), (5, 0), (6, 0), (8, -4)]]
    names = features(offer(dates=tuple(Occurrence(s) for s in starts)))
    assert [n for n in names if n.startswith("when")] == ["when:weekday-evening", "when:weekday-afternoon"]


def test_what_is_there_on_any_day_has_no_part_of_the_week():
    assert not any(n.startswith("when") for n in features(offer(ongoing=True)))
    assert not any(n.startswith("when") for n in features(offer(kind=Kind.SPACE, starts=None, ends=None)))


def test_an_offer_counts_with_twenty_features_at_most():
    crowded = offer(
        keywords=" ".join(f"k{n}" for n in range(40)),
        audience=tuple(keyword(f"a{n}") for n in range(10)),
        place=place(),
        organiser="City",
    )
    assert len(features(crowded)) <= 20
