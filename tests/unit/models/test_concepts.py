"""The vocabulary of concepts."""

import pytest

from models.concepts import Concepts
from models.item import Item

SWIMMING = {"fi": "uinti", "sv": "simning", "en": "swimming"}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "fi.tsv").write_text(
        "<http://www.yso.fi/onto/yso/p965>\tuinti\nyso:p90\tsienet\nbroken\n\nown:1\t\n", "utf-8"
    )
    (tmp_path / "more.tsv").write_text("id\tpref_label\talt\nyso:p965\tuinti\tuiminen vauvauinti\n", "utf-8")
    return [("fi", tmp_path / "fi.tsv"), ("fi", tmp_path / "more.tsv")]


def test_files_of_labels_are_read_and_their_broken_lines_passed_over(files):
    concepts = Concepts.read(files)
    assert concepts.labels == {"yso:p965": {"fi": "uinti"}, "yso:p90": {"fi": "sienet"}}
    assert concepts.also == {"yso:p965": {"fi": "uiminen vauvauinti"}}


def test_a_concept_is_found_by_any_form_of_its_name():
    concepts = Concepts({"yso:p90": {"fi": "sienet"}})
    assert [concepts.called(word, "fi") for word in ("sienet", "sieni", "sienien")] == [("yso:p90",)] * 3
    assert concepts.called("sieni", "sv") == ()


def test_a_name_as_it_is_written_goes_before_one_of_the_same_stem():
    concepts = Concepts({"a": {"fi": "kirjat"}, "b": {"fi": "kirjeet"}})
    assert concepts.called("kirjat", "fi") == ("a",)
    assert concepts.called("kirjoista", "fi") == ("a", "b")


def test_a_qualifier_in_brackets_is_no_part_of_the_name():
    assert Concepts({"a": {"en": "planning (zoning)"}}).called("planning", "en") == ("a",)


def test_names_of_several_words_are_found_word_by_word():
    concepts = Concepts({"a": {"en": "first aid"}, "b": {"en": "aid"}, "c": {"en": "very long name of something"}})
    assert list(concepts.phrases(["aid", "first", "aid", "very", "long"], "en")) == ["a"]


def test_vocabularies_are_joined_and_the_later_word_holds():
    joined = Concepts({"a": SWIMMING}) | Concepts({"a": {"fi": "uiminen"}, "b": {"fi": "sienet"}})
    assert joined.labels == {"a": {**SWIMMING, "fi": "uiminen"}, "b": {"fi": "sienet"}}


def test_offers_bring_a_vocabulary():
    items = [Item(id="1", tags=("a",), labels={"a": SWIMMING}), Item(id="2", tags=("b",))]
    concepts = Concepts.of(items)
    assert concepts.labels == {"a": SWIMMING}
    assert concepts.languages == ("en", "fi", "sv")
