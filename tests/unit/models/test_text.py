"""Offers as vectors of what they say."""

import io
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.concepts import Concepts
from models.item import NO_LANGUAGE, Item
from models.text import N_FEATURES, TextSpace, Vectors, similarity
from tests.unit.models.topics import catalogue, needs_yso, recall_at_1, topics, yso

LABELS = {"swim": {"fi": "uinti", "sv": "simning", "en": "swimming"}, "jazz": {"fi": "jazz", "sv": "jazz"}}
SWIMMING = Item(id="1", title={"fi": "Lasten uintikurssi"}, tags=("swim",), labels=LABELS)
JAZZ = Item(id="2", title={"fi": "Jazzkonsertti"}, tags=("jazz",), labels=LABELS)
HUGE = "ä" * 100_000 + " uinti " * 15_000 + "🏊" * 100_000


@pytest.fixture(scope="module")
def space() -> TextSpace:
    return TextSpace.fit([SWIMMING, JAZZ])


def alike(space: TextSpace, one: Item, other: Item) -> float:
    return float(similarity(Vectors(space.transform([one])), Vectors(space.transform([other])))[0, 0])


def test_vectors_are_sparse_rows_of_length_one(space):
    vectors = space.transform([SWIMMING, JAZZ])
    assert vectors.shape == (2, N_FEATURES)
    assert vectors.dtype == np.float32
    assert vectors.indices.dtype == np.int32
    assert np.allclose(np.sqrt((vectors**2).sum(axis=1)), 1)


@pytest.mark.parametrize(
    "title", [{"sv": "Simning för barn"}, {"en": "Swimming for children"}, {NO_LANGUAGE: "Swimming"}, {"fi": "Uinnit"}]
)
def test_languages_meet_in_the_concepts_that_their_words_name(space, title):
    asked = Item(id="3", title=title)
    assert alike(space, asked, SWIMMING) > 0.1 > alike(space, asked, JAZZ)


def test_a_tag_alone_finds_the_words_of_its_concept(space):
    assert alike(space, Item(id="3", tags=("swim",)), Item(id="4", title={"en": "swimming"})) > 0.3


def test_a_new_keyword_brings_its_own_names(space):
    new = Item(id="3", tags=("new",), labels={"new": {"fi": "keramiikka"}})
    assert alike(space, new, Item(id="4", title={"fi": "Keramiikkaa"})) > 0.1


def test_words_that_no_training_has_seen_make_two_new_offers_alike(space):
    one, other = Item(id="3", title={"fi": "Sienikurssi"}), Item(id="4", title={"fi": "Sienikurssille"})
    assert alike(space, one, other) > 0.3


@pytest.mark.parametrize(("word", "within"), [("live", "Oliver"), ("punk", "Kaupunki")])
def test_letters_within_a_word_name_nothing(word, within):
    labels = {"it": {"fi": word, "en": word}}
    space = TextSpace.fit([Item(id="1", title={"en": word}, tags=("it",), labels=labels)])
    concept = set(space.transform([Item(id="2", tags=("it",))]).indices)
    for language in ("fi", "en", NO_LANGUAGE):
        assert not concept & set(space.transform([Item(id="3", title={language: within})]).indices)


def test_counted_words_are_words_and_count_for_more_the_more_there_are(space):
    assert alike(space, Item(id="3", terms={"swimming": 2}), SWIMMING) > 0.1
    often, once = (Item(id="3", terms={"swimming": n, "tea": 3}) for n in (9, 1))
    asked = Item(id="4", terms={"swimming": 1})
    assert alike(space, often, asked) > alike(space, once, asked) > 0


@pytest.mark.parametrize(
    "odd",
    [
        Item(id="1"),
        Item(id="1", title={"fi": ""}, text={"fi": " \n "}),
        Item(id="1", title={"fi": "🏊🏊🏊"}),
        Item(id="1", title={"fi": "ja"}, text={"xx": "\x00\ud800"}),
    ],
)
def test_an_offer_that_says_nothing_is_like_nothing(space, odd):
    assert space.transform([odd]).nnz == 0
    assert alike(space, odd, SWIMMING) == 0


def test_arabic_is_read_as_words(space):
    one = Item(id="3", title={"ar": "دروس السباحة للأطفال"})
    other = Item(id="4", title={"ar": "السباحة"})
    assert alike(space, one, other) > 0.2
    assert alike(space, one, JAZZ) < 0.05


def test_an_unknown_keyword_is_a_feature_as_any(space):
    assert space.transform([Item(id="3", tags=("no:such",))]).nnz == 1


def test_a_huge_text_takes_no_longer_than_its_beginning(space):
    began = time.process_time()
    vectors = space.transform([Item(id="3", title={"fi": HUGE}, text={"fi": HUGE}, terms={HUGE: 1.0})])
    assert time.process_time() - began < 0.5
    assert 0 < vectors.nnz < 10_000


def test_no_items_are_no_rows(space):
    assert space.transform([]).shape == (0, N_FEATURES)
    empty = TextSpace.fit([])
    assert np.isfinite(empty.transform([SWIMMING]).data).all()


def test_a_space_comes_back_from_its_arrays(space):
    file = io.BytesIO()
    np.savez(file, **space.arrays())
    file.seek(0)
    back = TextSpace.from_arrays(np.load(file, allow_pickle=False))
    items = [SWIMMING, JAZZ, Item(id="3", title={"sv": "Simskola"}, tags=("swim",))]
    assert (back.transform(items) != space.transform(items)).nnz == 0


def test_the_same_items_make_the_same_space():
    one, other = (TextSpace.fit([SWIMMING, JAZZ], Concepts(LABELS)).arrays() for _ in range(2))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_an_item_has_the_same_vector_alone_and_among_others(space):
    together = space.transform([JAZZ, SWIMMING])[[1]]
    assert np.allclose((space.transform([SWIMMING]) - together).data, 0, atol=1e-6)


@given(st.dictionaries(st.sampled_from(["fi", "sv", "en", "ar", "", "zh-hans"]), st.text(max_size=300)))
def test_whatever_is_told_has_a_vector_of_length_one_or_none(told):
    vectors = TextSpace.fit([SWIMMING]).transform([Item(id="3", title=told, text=told)])
    length = float(np.sqrt((vectors**2).sum()))
    assert length == 0 or abs(length - 1) < 1e-3


def test_twenty_five_thousand_offers_of_counted_words_and_tags_are_read_in_time():
    draw = np.random.default_rng(5)
    words = ["".join(map(chr, draw.integers(97, 123, 8))) for _ in range(12_000)]
    items = [
        Item(
            id=str(n),
            title={NO_LANGUAGE: " ".join(words[i] for i in draw.integers(12_000, size=6))},
            terms={words[i]: 2.0 for i in draw.integers(12_000, size=35)},
            tags=tuple(words[i] for i in draw.integers(12_000, size=20)),
        )
        for n in range(25_000)
    ]
    space = TextSpace.fit(items[:1_000])
    began = time.process_time()
    assert space.transform(items).shape == (25_000, N_FEATURES)
    assert time.process_time() - began < 5


@needs_yso
def test_swimming_lessons_are_neighbours_in_three_languages_and_a_concert_is_not():
    space = TextSpace.fit(catalogue(), yso())
    titles = {"fi": "Lasten uintikurssi", "sv": "Simskola för barn", "en": "Swimming lessons for children"}
    asked = [Item(id=code, title={code: title}) for code, title in titles.items()]
    asked += [Item(id="other", title={"fi": "Uimakoulu lapsille"}), Item(id="jazz", title={"fi": "Jazzkonsertti"})]
    vectors = Vectors(space.transform(asked))
    alike = similarity(vectors, vectors)
    assert alike[:4, :4].min() > 5 * alike[:4, 4].max()


FLOORS = {"retitled": 0.80, "paraphrase": 0.50, "sv": 0.75, "en": 0.85}
FLOORS_OF_OWN_KEYWORDS = {"retitled": 0.80, "paraphrase": 0.30, "sv": 0.50, "en": 0.60}


@needs_yso
@pytest.mark.parametrize(("kind", "floor"), FLOORS.items())
def test_topics_are_found_again_through_yso(kind, floor):
    space = TextSpace.fit(catalogue(), yso())
    assert recall_at_1(*(Vectors(space.transform(topics(it))) for it in (kind, "fi"))) >= floor


@pytest.mark.parametrize(("kind", "floor"), FLOORS_OF_OWN_KEYWORDS.items())
def test_topics_are_found_again_through_the_offers_own_keywords(kind, floor):
    space = TextSpace.fit(catalogue())
    assert recall_at_1(*(Vectors(space.transform(topics(it))) for it in (kind, "fi"))) >= floor


def test_the_strongest_features_are_kept_and_the_rest_is_as_if_never_said(space):
    whole, kept = space.transform([SWIMMING, JAZZ]), space.transform([SWIMMING, JAZZ], most=5)
    assert np.diff(kept.indptr).tolist() == [5, 5]
    assert np.allclose((kept**2).sum(axis=1), 1)
    for row in range(2):
        own, its = whole[[row]], kept[[row]]
        least = own[:, its.indices].data.min()
        assert (own.data > least).sum() < 5
    assert (space.transform([SWIMMING, JAZZ], most=10_000) != whole).nnz == 0
