import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.preprocessing import normalize

from models.collaborative import Ease
from models.content import Content
from models.embedding import bundled
from models.facets import Facets
from models.item import Item
from models.matrix import Interactions
from models.model import Model
from models.projection import Projection
from models.recommender import Recommender
from models.snapshot import DAY, Snapshot
from models.strongest import MOST, Strongest
from models.text import TextSpace
from tests.unit.models.topics import needs_extra
from tests.unit.models.trained import LEAST, PEOPLE, learned, ranked
from tests.unit.models.worlds import NOW, TOPICS, ahead, world


def test_a_model_ranks_as_the_recommender_it_was_made_of():
    items, interactions, recommender, model = learned()
    faced = model.facing(interactions.before(NOW), PEOPLE, NOW)
    candidates = ahead(items)
    ours, theirs = ranked(faced, candidates), ranked(recommender, candidates)
    same = [len(set(ours[person][:5]) & set(theirs[person][:5])) / 5 for person in range(PEOPLE)]
    assert np.mean(same) > 0.97
    assert np.mean([ours[person][0] == theirs[person][0] for person in range(PEOPLE)]) > 0.95


def test_a_model_read_back_ranks_the_same():
    items, interactions, _, model = learned()
    again = Model.from_arrays(model.items, model.arrays())
    both = (ranked(its.facing(interactions.before(NOW), PEOPLE, NOW), ahead(items)) for its in (model, again))
    first, second = both
    assert first == second


def test_nobody_is_in_a_model():
    _, _, _, model = learned()
    arrays = model.arrays()
    assert arrays
    assert [name for name, array in arrays.items() if PEOPLE in array.shape] == []
    assert all(array.dtype.kind in "biuf" for array in arrays.values())
    assert model.snapshot.histories.shape[0] == 0
    assert model.snapshot.faded is None
    assert model.snapshot.shared is None


def test_ease_that_was_solved_over_people_leaves_none_of_them():
    rng = np.random.default_rng(0)
    histories = csr_array((rng.random((7, 40)) < 0.3).astype(np.float32))
    ease = Ease.fit(histories)
    assert ease.people is not None
    strongest = Strongest.of(ease)
    assert strongest.weights.shape == (40, 40)
    some = csr_array((rng.random((5, 40)) < 0.2).astype(np.float32))
    assert strongest.scores(some) == pytest.approx(ease.scores(some), abs=1e-4)


def test_only_the_strongest_weights_of_an_offer_are_kept():
    rng = np.random.default_rng(1)
    ease = Ease.fit(csr_array((rng.random((400, 150)) < 0.2).astype(np.float32)))
    assert ease.weights is not None
    kept = Strongest.of(ease).weights
    assert np.diff(kept.indptr).max() == MOST
    row = np.abs(ease.weights[9])
    assert set(np.argsort(-row)[:MOST]) == {int(np.searchsorted(ease.offers, n)) for n in kept[[9]].indices}


def test_of_an_offer_that_few_chose_nothing_is_learned():
    items, _ = world(people=40, weeks=6)
    rare, common = [(p, 0) for p in range(LEAST - 1)], [(p, n) for p in range(30) for n in (1, 2)]
    who, what = zip(*rare, *common, strict=True)
    seen = Interactions.of(who, what, [NOW - DAY] * len(who))
    content = learned()[2].snapshot.content
    few = Snapshot.fit(seen, content, 40, NOW, least=LEAST)
    assert few.popularity.counts[:3].tolist() == [0, 30, 30]
    assert not few.factors.learned[0].any()
    assert 0 not in few.ease.offers
    assert all(not counts[0] for counts in few.popularity.lately.values())
    assert few.histories.sum() == len(who)
    assert len(items) > 2


@pytest.fixture
def later():
    """An offer of each topic that came after training; the last by somebody new, in a new place."""
    told = {"starts": NOW + 3 * DAY, "lat": 60.17, "lon": 24.94}
    return [
        Item(
            id=f"{topic}-later",
            title={"en": f"{topic} evening"},
            tags=(f"t:{topic}",),
            organiser="a new club" if n == 3 else f"club {n}",
            venue="a new hall" if n == 3 else f"hall {n % 2}",
            **told,
        )
        for n, topic in enumerate(TOPICS)
    ]


def test_an_offer_of_later_is_ranked_by_what_it_says(later):
    items, interactions, _, model = learned()
    wider = model.knowing(later)
    assert [item.id for item in wider.items[len(items) :]] == [item.id for item in later]
    faced = wider.facing(interactions.before(NOW), PEOPLE, NOW)
    new = np.arange(len(items), len(items) + len(later), dtype=np.int32)
    best = ranked(faced, new)
    own = [(best[person][0] - len(items)) == person % len(TOPICS) for person in range(PEOPLE)]
    assert np.mean(own) > 0.9


def test_offers_of_later_are_written_and_read_back(later):
    items, interactions, _, model = learned()
    wider = model.knowing(later)
    again = Model.from_arrays(wider.items, wider.arrays())
    new = np.arange(len(items), len(items) + len(later), dtype=np.int32)
    assert ranked(again.facing(interactions.before(NOW), PEOPLE, NOW), new) == ranked(
        wider.facing(interactions.before(NOW), PEOPLE, NOW), new
    )


def test_offers_that_are_known_keep_their_vectors_and_take_their_new_facts():
    items, _, _, model = learned()
    moved = msgspec.structs.replace(items[5], starts=NOW + 40 * DAY)
    wider = model.knowing([moved])
    assert len(wider.items) == len(items)
    assert wider.items[5].starts == moved.starts
    assert wider.items[5].title == {}
    assert wider.snapshot is model.snapshot


def test_a_known_offer_projected_anew_lies_where_it_lay():
    content = learned()[2].snapshot.content
    told = Projection.of(content).latent(content.vectors)
    assert_alike(told, content)


def assert_alike(told, content):
    lengths = np.linalg.norm(told, axis=1) * np.linalg.norm(content.latent, axis=1)
    assert ((told * content.latent).sum(axis=1) / lengths).min() > 0.99


def test_what_offers_mean_is_projected_with_what_they_say():
    content = learned()[2].snapshot.content
    rng = np.random.default_rng(0)
    meaning = normalize(rng.standard_normal((content.vectors.shape[0], 12))).astype(np.float32)
    meaning[::5] = 0
    both = Content.of(content.vectors, meaning=meaning)
    projection = Projection.of(both, meaning)
    assert_alike(projection.latent(content.vectors, meaning), both)
    alone = projection.latent(content.vectors[:5])
    assert alone[0] == pytest.approx(both.latent[0], abs=0.02)
    assert np.abs(alone[1] - both.latent[1]).max() > 0.05


@needs_extra
@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("de", ("Schwimmkurs", "Jazzabend", "Schachturnier", "Gartenarbeit")),
        ("es", ("Clases de natación", "Concierto de jazz", "Torneo de ajedrez", "Jardinería")),
    ],
)
def test_an_offer_of_later_in_another_language_lies_where_its_meaning_lies(language, titles):
    items, _, _, model = learned(embedding=bundled())
    later = [Item(id=title, title={language: title}) for title in titles]
    for its in (model, Model.from_arrays(model.items, model.arrays())):
        assert its.projection.has_meaning
        latent = its.knowing(later).snapshot.content.latent
        kin = latent[len(items) :] @ np.stack([latent[n : len(items) : 4].mean(axis=0) for n in range(4)], axis=1)
        assert kin.argmax(axis=1).tolist() == [0, 1, 2, 3]


@needs_extra
def test_a_model_whose_embedding_is_another_one_reads_new_offers_by_their_words():
    items, _, _, model = learned(embedding=bundled())
    arrays = model.arrays()
    arrays["meaning.embedding"] = np.frombuffer(b"another 1.0", np.uint8)
    read = Model.from_arrays(model.items, arrays)
    assert read.projection.has_meaning
    assert read.meaning is None
    later = [Item(id="1", title={"en": "swimming evening"}), Item(id="2", title={"sv": "simskola"})]
    latent = read.knowing(later).snapshot.content.latent[len(items) :]
    assert latent[0].any()
    assert not latent[1].any()


def test_a_model_of_before_meaning_had_a_part_can_be_read():
    model = learned()[3]
    arrays = {name: array for name, array in model.arrays().items() if name != "projection.meaning_axes"}
    assert not Model.from_arrays(model.items, arrays).projection.has_meaning


def test_an_offer_that_says_nothing_known_lies_nowhere():
    content = learned()[2].snapshot.content
    nothing = csr_array((1, content.vectors.shape[1]), dtype=np.float32)
    assert not Projection.of(content).latent(nothing).any()


def test_facets_give_the_columns_that_fitting_gave():
    items, _, recommender, model = learned()
    told = model.facets.vectors(model.text.transform(items), items)
    apart = told - recommender.snapshot.content.vectors
    assert abs(apart).max() < 1e-6
    assert model.facets.width == recommender.snapshot.content.vectors.shape[1]
    assert Facets.from_array(model.facets.array()) == model.facets


def test_a_recommender_without_a_re_ranker_is_no_model():
    items, _, recommender, _ = learned()
    bare = Recommender(recommender.snapshot, recommender.setting, None)
    with pytest.raises(ValueError, match="re-ranker"):
        Model.of(bare, items, TextSpace.fit(items), Projection.of(recommender.snapshot.content))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("latent", lambda its: its[:-1]),
        ("projection.meaning_axes", lambda its: its[:, :-1]),
        ("factors.map", lambda its: its[:, :-1]),
        ("popular.counts", lambda its: its[:-1]),
        ("visitors.organiser", lambda its: its[1:]),
        ("ease.indices", lambda its: its + 10**6),
        ("vectors.indptr", lambda its: its[:-1]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, spoil):
    _, _, _, model = learned()
    arrays = model.arrays()
    arrays[name] = spoil(arrays[name])
    with pytest.raises(ValueError):  # noqa: PT011 - numpy's, scipy's or ours
        Model.from_arrays(model.items, arrays)
