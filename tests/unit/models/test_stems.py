"""Words, their stems, and the parts of compounds."""

import pytest

from models.stems import LONGEST_WORD, Known, parts, stem, words

FINNISH = Known({"uinti", "live", "punk", "kaupunki", "työ"}, {"kurs", "uin", "paja", "kirjasto"})


def test_words_are_small_without_numbers_signs_and_stop_words():
    assert words("Uinti, 5-6-vuotiaille 🏊 ja LIVE!") == ["uinti", "vuotiaille", "live"]


def test_words_of_any_script_are_words():
    assert words("دروس السباحة للأطفال") == ["دروس", "السباحة", "للأطفال"]


def test_a_word_without_end_is_cut():
    assert words("a" * 300_000) == ["a" * LONGEST_WORD]


@pytest.mark.parametrize(
    "forms",
    ["kurssi kurssit kurssille", "pentu pennut", "turnaus turnaukset", "eläkeläinen eläkeläiset", "uinti uinnin"],
)
def test_finnish_forms_of_a_word_have_one_stem(forms):
    assert len({stem(word, "fi") for word in forms.split()}) == 1


def test_a_bird_is_no_castle():
    assert stem("linnut", "fi") == stem("lintu", "fi") != stem("linna", "fi") == stem("linnat", "fi")


def test_a_word_of_a_language_that_nobody_knows_stays_as_it_is():
    assert stem("kurssille", "tlh") == stem("kurssille", "") == "kurssille"


def test_compounds_are_taken_apart_whatever_their_form():
    assert parts("uintikurssille", "fi", FINNISH) == ("uinti", "kurssille")
    assert parts("uintityöpaja", "fi", FINNISH) == ("uinti", "työ", "paja")
    assert parts("fotbollsturnering", "sv", Known({"fotboll", "turneringar"}, {"fotboll", "turnering"})) == (
        "fotbolls",
        "turnering",
    )


@pytest.mark.parametrize("word", ["oliver", "kaupunki", "kaupungissa", "uintille", "punkista", "työ", "x"])
def test_a_word_that_only_has_the_letters_of_another_is_no_compound(word):
    assert parts(word, "fi", FINNISH) == ()


def test_english_writes_its_compounds_apart():
    assert parts("uintikurssi", "en", FINNISH) == ()
