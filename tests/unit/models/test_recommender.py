from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from models.blend import Blend, Examples, joined
from models.collaborative import Ease, Factors
from models.content import Alike, Content, Ridge
from models.context import Setting, described
from models.item import Item
from models.matrix import DAY, Interactions
from models.popular import Popularity
from models.recommender import Recommender
from models.snapshot import found
from tests.unit.models.worlds import NOW, TOPICS, ahead, past, world


@pytest.fixture(scope="module")
def lived():
    items, interactions = world()
    return items, past(items, interactions, 80)


def topics_on_top(items, ranked):
    """Return the share of people of whom the first suggestion is of their topic."""
    return np.mean([items[best[0]].id.startswith(TOPICS[person % len(TOPICS)]) for person, best in ranked])


def test_new_events_of_ones_topic_come_first(lived):
    items, everything = lived
    candidates = ahead(items)
    recommender = Recommender.fit(everything, NOW, candidates)
    assert recommender.blend is not None
    assert topics_on_top(items, recommender.rank(np.arange(80), candidates)) > 0.95


def test_without_times_choices_are_held_out():
    items, interactions = world(timed=False)
    candidates = np.arange(len(items), dtype=np.int32)
    recommender = Recommender.fit(past(items, interactions, 80), np.inf, candidates)
    assert recommender.blend is not None
    assert topics_on_top(items, recommender.rank(np.arange(80), candidates)) > 0.9


def test_what_was_chosen_is_not_ranked_again(lived):
    items, everything = lived
    candidates = np.arange(len(items), dtype=np.int32)
    recommender = Recommender.fit(everything, NOW, candidates)
    histories = recommender.snapshot.histories
    for person, best in recommender.rank(np.arange(80), candidates, most=200):
        assert not set(best.tolist()) & set(histories[[person]].indices.tolist())
        assert len(set(best.tolist())) == len(best)


def test_the_same_past_gives_the_same_ranking(lived):
    items, everything = lived
    candidates = ahead(items)
    first, second = (
        dict(Recommender.fit(past(items, everything.interactions, 80), NOW, candidates).rank(np.arange(80), candidates))
        for _ in range(2)
    )
    assert all(np.array_equal(first[person], second[person]) for person in first)


def test_nothing_later_than_the_moment_is_learned_from(lived):
    items, everything = lived
    moment = NOW - 60 * DAY
    seen = everything.interactions
    candidates = np.flatnonzero([item.starts >= moment for item in items]).astype(np.int32)
    known = past(items, seen.before(moment), 80)
    with_later = dict(Recommender.fit(everything, moment, candidates).rank(np.arange(80), candidates))
    without = dict(Recommender.fit(known, moment, candidates).rank(np.arange(80), candidates))
    assert all(np.array_equal(with_later[person], without[person]) for person in without)


@pytest.mark.parametrize("times", [None, []])
def test_with_an_empty_journal_there_is_still_an_order(times):
    items, _ = world(people=3)
    candidates = ahead(items)
    recommender = Recommender.fit(past(items, Interactions.of([], [], times), 3), NOW, candidates)
    assert recommender.blend is None
    ranked = dict(recommender.rank(np.arange(3), candidates))
    assert all(sorted(best.tolist()) == sorted(candidates.tolist()) for best in ranked.values())


def test_who_has_chosen_nothing_gets_what_is_popular(lived):
    items, everything = lived
    seen = everything.interactions
    candidates = np.arange(len(items), dtype=np.int32)
    recommender = Recommender.fit(past(items, seen, 81), NOW, candidates)
    ((_, best),) = recommender.rank(np.array([80]), candidates, most=5)
    lately = recommender.snapshot.popularity.lately[30.0]
    assert lately[best].tolist() == sorted(lately.tolist(), reverse=True)[:5]


def test_one_resident_and_one_offer_are_enough():
    items = [Item(id="only", title={"fi": "Jazzkonsertti"}, starts=NOW + DAY)]
    recommender = Recommender.fit(past(items, Interactions.of([], []), 1), NOW, np.array([0], np.int32))
    assert [best.tolist() for _, best in recommender.rank(np.arange(1), np.array([0], np.int32))] == [[0]]


def test_offers_without_any_text_or_date_are_ranked():
    items = [Item(id=str(n)) for n in range(12)]
    interactions = Interactions.of([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [NOW - DAY] * 5)
    recommender = Recommender.fit(past(items, interactions, 3), NOW, np.arange(12, dtype=np.int32))
    (_, best), *_ = recommender.rank(np.array([2]), np.arange(12, dtype=np.int32))
    assert len(best) == 11
    assert best[0] == 0


def test_likeness_adds_up_cosines_over_the_root_of_their_number():
    content = Content.of(csr_array(np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)))
    histories = csr_array(np.array([[1, 1, 0], [0, 0, 0]], np.float32))
    scores = Alike.of(content, histories.indices, np.array([1, 2], np.int32)).likeness(histories)
    assert scores == pytest.approx(np.array([[1.6 / np.sqrt(2), 0], [0, 0]]))


def test_a_ridge_likes_what_is_about_the_same():
    rng = np.random.default_rng(0)
    topics = np.repeat(np.eye(2), 10, axis=0)
    content = Content.of(csr_array(np.hstack([topics, rng.random((20, 4)) / 9]).astype(np.float32)))
    histories = csr_array(np.array([[1] * 5 + [0] * 15], np.float32))
    scores = Ridge.fit(content, np.ones(20, bool)).scores(content, histories, np.arange(20, dtype=np.int32))[0]
    assert scores[5:10].min() > scores[10:].max()


@pytest.mark.parametrize("people", [30, 6])
def test_ease_over_offers_and_over_people_are_the_textbooks(people):
    rng = np.random.default_rng(1)
    dense = (rng.random((people, 12)) < 0.3).astype(np.float32)
    dense[:, :2] = 1 - dense[:, 2:4]
    ease = Ease.fit(csr_array(dense))
    kept = np.flatnonzero(dense.sum(axis=0))
    inverse = np.linalg.inv(dense[:, kept].T @ dense[:, kept] + ease.regularization * np.eye(len(kept)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert (ease.weights is None) == (people == 6)
    assert ease.scores(csr_array(dense))[:, kept] == pytest.approx(dense[:, kept] @ weights, abs=1e-4)


def test_folding_in_gives_what_training_gave():
    items, interactions = world()
    histories = interactions.matrix(80, len(items))
    histories.data[:] = 1
    factors = Factors.fit(histories, Content.of(csr_array((len(items), 4), dtype=np.float32)))
    folded = factors.fold(histories)
    own = np.argsort(-(folded @ factors.learned.T), axis=1)[:, :5]
    liked = (own % len(TOPICS)) == (np.arange(80) % len(TOPICS))[:, None]
    assert liked.mean() > 0.8
    assert not factors.fold(csr_array((1, len(items)), dtype=np.float32)).any()


def test_a_new_offer_has_factors_from_what_it_is_about(lived):
    items, everything = lived
    snapshot = everything.snapshot(NOW)
    candidates = ahead(items)
    assert not snapshot.popularity.counts[candidates[-4:]].any()
    scores = snapshot.scores(np.arange(80), candidates)["mapped"]
    best = np.array(candidates)[scores.argmax(axis=1)] % len(TOPICS)
    assert (best == np.arange(80) % len(TOPICS)).mean() > 0.9


def test_popularity_fades():
    interactions = Interactions.of([0, 1, 2], [0, 0, 1], [NOW - 7 * DAY, NOW - 7 * DAY, NOW])
    popularity = Popularity.fit(interactions, 3, NOW)
    assert popularity.counts.tolist() == [2, 1, 0]
    assert popularity.lately[7.0].tolist() == pytest.approx([1, 1, 0])


def test_pairs_are_described_by_what_one_chose_before(lived):
    items, everything = lived
    candidates = ahead(items)
    snapshot = everything.snapshot(NOW)
    (pairs,) = found(snapshot, np.arange(8), candidates)
    pairs = described(pairs, snapshot, everything.setting, candidates)
    own = (candidates[pairs.columns] % len(TOPICS)) == pairs.people[pairs.rows] % len(TOPICS)
    for name in ("organiser_share", "organiser_lift", "organiser_loyalty", "likeness_standing", "mapped_standing"):
        assert pairs.features[name][own].mean() > pairs.features[name][~own].mean(), name
    assert pairs.features["days_to_start"].min() >= 0


def test_what_a_source_does_not_tell_is_absent():
    setting = Setting.of([Item(id="a"), Item(id="b", organiser="club")])
    assert [attribute.name for attribute in setting.attributes] == ["organiser"]
    assert setting.attributes[0].codes.tolist() == [-1, 0]
    assert np.isnan(setting.points).all()


def features(n, rng):
    return {
        "likeness_standing": rng.normal(size=n).astype(np.float32),
        "new": (rng.random(n) < 0.5).astype(np.float32),
        "days_to_start": rng.uniform(0, 30, n).astype(np.float32),
    }


def test_a_blend_never_lowers_an_offer_for_a_higher_score():
    rng = np.random.default_rng(2)
    told = features(4_000, rng)
    chosen = rng.random(4_000) < 1 / (1 + np.exp(2 - told["likeness_standing"]))
    blend = Blend.fit(Examples(told, chosen, np.ones(4_000, np.float32)))
    steps = np.linspace(-3, 3, 50, dtype=np.float32)
    same = {"new": np.zeros(50, np.float32), "days_to_start": np.full(50, 9, np.float32)}
    assert (np.diff(blend.scores({"likeness_standing": steps, **same})) >= -1e-9).all()


def test_a_blend_needs_both_chosen_and_passed_over():
    told = features(10, np.random.default_rng(0))
    for chosen in (np.zeros(10, bool), np.ones(10, bool)):
        with pytest.raises(ValueError, match="chosen"):
            Blend.fit(Examples(told, chosen, np.ones(10, np.float32)))


def test_a_feature_that_a_moment_lacks_is_missing_there():
    def some(**told):
        return Examples(told, np.array([True]), np.ones(1, np.float32))

    both = joined([some(a=np.ones(1, np.float32)), some(b=np.ones(1, np.float32))])
    assert np.isnan(both.features["a"]).tolist() == [False, True]
    assert np.isnan(both.features["b"]).tolist() == [True, False]


def test_likeness_is_the_same_with_and_without_room_for_all_cosines(lived):
    items, everything = lived
    candidates, histories = ahead(items), everything.snapshot(NOW).histories
    roomy = Alike.of(everything.content, histories.indices, candidates)
    assert roomy.cosines is not None
    narrow = replace(roomy, cosines=None)
    assert np.allclose(roomy.likeness(histories), narrow.likeness(histories), atol=1e-5)
