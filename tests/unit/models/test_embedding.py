"""Embeddings: centred by language, remembered, and left out where they are not installed."""

import io

import msgspec
import numpy as np
import pytest

from models.concepts import Concepts
from models.embedding import GLOSSED, MOST_NAMES, SAMPLE, BundledE5, MeaningSpace, Remembered, bundled
from models.item import Item
from models.text import MEANING, TextSpace, Vectors, similarity
from tests.unit.models.topics import catalogue, needs_extra, needs_yso, recall_at_1, topics, yso


class Letters:
    """Counts the vowels, and shifts a language far away as real embeddings do; keeps what it was asked."""

    name = "letters"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts, language):
        self.asked += texts
        counts = [[text.count(vowel) for vowel in "aeiou"] for text in texts]
        return np.array(counts, np.float32).reshape(-1, 5) + 100 * (language == "sv")


class Other(Letters):
    """Another embedding."""

    name = "others"


def titled(*titles: str, language: str = "fi") -> list[Item]:
    return [Item(id=title, title={language: title}) for title in titles]


def test_languages_are_centred_so_that_they_lie_upon_each_other():
    offers = titled("aaa", "eee") + titled("aaa", "eee", language="sv")
    space = MeaningSpace.fit(offers, Letters())
    vectors = space.transform(offers)
    assert np.allclose(vectors[:2], vectors[2:], atol=1e-5)
    assert vectors[0] @ vectors[1] < 0


def test_a_language_without_a_centre_is_centred_by_the_middle_of_all():
    space = MeaningSpace.fit(titled("aaa", "eee"), Letters())
    assert np.isfinite(space.transform(titled("aa", language="ar"))).all()
    assert np.isfinite(MeaningSpace.fit([], Letters()).transform(titled("aa"))).all()


def test_title_keywords_and_first_sentence_are_embedded_once_an_offer():
    letters = Letters()
    offer = Item(
        id="1",
        title={"fi": "Uinti", "en": "Swimming"},
        text={"fi": "Tule uimaan! Mukaan pyyhe."},
        tags=("a", "b", "c"),
        labels={"a": {"fi": "uinti"}},
    )
    MeaningSpace(letters, {}, Concepts({"b": {"fi": "vesi"}})).transform([offer])
    assert letters.asked == ["Uinti: uinti, vesi: Tule uimaan!"]


def test_an_offer_without_words_means_nothing():
    vectors = MeaningSpace.fit(titled("aaa"), Letters()).transform([Item(id="1"), Item(id="2", title={"fi": " "})])
    assert vectors.shape == (2, 5)
    assert not vectors.any()


def test_a_centre_is_found_from_a_sample():
    letters = Letters()
    MeaningSpace.fit(titled(*(f"a{n}" for n in range(5 * SAMPLE))), letters)
    assert len(letters.asked) <= SAMPLE


def test_a_space_comes_back_from_its_arrays():
    space = MeaningSpace.fit(titled("aaa", "eee") + titled("iio", "eeu", language="sv"), Letters())
    file = io.BytesIO()
    np.savez(file, **space.arrays())
    file.seek(0)
    back = MeaningSpace.from_arrays(np.load(file, allow_pickle=False), Letters())
    assert np.array_equal(back.transform(titled("aie")), space.transform(titled("aie")))


@pytest.mark.parametrize("other", [None, Other()])
def test_a_space_is_not_read_without_its_own_embedding(other):
    assert MeaningSpace.from_arrays(MeaningSpace.fit(titled("aaa"), Letters()).arrays(), other) is None


def test_what_was_embedded_is_remembered_and_the_oldest_forgotten():
    letters = Letters()
    remembered = Remembered(letters, most=2)
    for text in ("a", "e", "a", "i", "a"):
        assert np.array_equal(remembered.embed([text], "fi"), Letters().embed([text], "fi"))
    assert letters.asked == ["a", "e", "i", "a"]


def test_a_text_twice_in_one_call_is_embedded_once_and_answered_twice():
    letters = Letters()
    assert Remembered(letters).embed(["a", "e", "a"], "fi").tolist() == Letters().embed(["a", "e", "a"], "fi").tolist()
    assert letters.asked == ["a", "e"]
    assert Remembered(letters).embed([], "fi").shape == (0, 5)


def test_the_same_text_in_another_language_is_another_text():
    remembered = Remembered(Letters())
    assert not np.array_equal(remembered.embed(["a"], "fi"), remembered.embed(["a"], "sv"))


def test_meaning_counts_only_where_both_sides_have_it():
    words = TextSpace.fit(titled("aaa", "eee")).transform(titled("aaa", "eee"))
    meaning = np.array([[1, 0], [1, 0]], np.float32)
    plain = similarity(Vectors(words), Vectors(words, meaning))
    assert np.allclose(plain, np.eye(2), atol=1e-5)
    both = similarity(Vectors(words, meaning), Vectors(words, meaning))
    assert np.allclose(both.diagonal(), 1, atol=1e-5)
    assert both[0, 1] == pytest.approx(MEANING / (1 + MEANING))


def test_what_tags_and_titles_name_is_embedded_once_more_in_english():
    labels = {
        "y:1": {"fi": "uinti", "en": "swimming"},
        "y:2": {"fi": "kurssit", "en": "courses (teaching)"},
        "y:3": {"fi": "vesi"},
    }
    letters, concepts = Letters(), Concepts(labels)
    course = Item(id="1", title={"fi": "Uintikurssi"}, tags=("y:3", "y:4"), labels={"y:4": {"en": "sports"}})
    space = MeaningSpace(letters, {}, concepts)
    both = space.transform([course, *titled("zzz aaa")])
    assert letters.asked == ["Uintikurssi: vesi", "zzz aaa", "sports, swimming, courses"]
    plain = MeaningSpace(letters, {}, Concepts({"y:3": {"fi": "vesi"}})).transform([
        Item(id="1", title={"fi": "Uintikurssi"}, tags=("y:3",)), *titled("zzz aaa"),
    ])  # fmt: skip
    assert np.allclose(both[1], plain[1])
    assert not np.allclose(both[0], plain[0])
    assert np.allclose(np.linalg.norm(both, axis=1), 1)


def test_a_gloss_has_an_end_and_a_centre_of_its_own():
    labels = {f"y:{n}": {"fi": f"sana{n}", "en": f"word{n}"} for n in range(60)}
    letters = Letters()
    offers = titled(" ".join(names["fi"] for names in labels.values()), "sana1")
    space = MeaningSpace.fit(offers, letters, Concepts(labels))
    assert ", ".join(f"word{n}" for n in range(MOST_NAMES)) in letters.asked
    assert {"fi", GLOSSED} == set(msgspec.json.decode(space.arrays()["languages"].tobytes()))
    read = MeaningSpace.from_arrays(space.arrays(), letters, Concepts(labels))
    assert np.allclose(read.transform(offers), space.transform(offers))


@needs_extra
def test_the_bundled_model_takes_whatever_text_there_is():
    vectors = BundledE5().embed(["uinti", "", "\x00\ud800 🏊", "السباحة", "uinti " * 60], "")
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@pytest.fixture(scope="module")
def found():
    """How often each kind of topic finds its original first, with the extra and YSO."""
    embedding = bundled()
    assert embedding
    words, meaning = TextSpace.fit(catalogue(), yso()), MeaningSpace.fit(catalogue(), embedding, yso())
    its = {
        kind: Vectors(words.transform(topics(kind)), meaning.transform(topics(kind)))
        for kind in ("fi", "retitled", "paraphrase", "sv", "en")
    }
    return {kind: recall_at_1(vectors, its["fi"]) for kind, vectors in its.items()}


@needs_yso
@needs_extra
@pytest.mark.parametrize(("kind", "floor"), {"retitled": 0.90, "paraphrase": 0.80, "sv": 0.90, "en": 0.90}.items())
def test_topics_are_found_again_with_the_extra(found, kind, floor):
    assert found[kind] >= floor
