"""Audiences in words: every predicate in every language."""

import msgspec
import pytest
from hypothesis import given

from campaigns.audience import PREDICATES, All, Any_, None_, PrefersKind, Speaks, Tree, Wants, check
from campaigns.sentence import LANGUAGES, sentence, sentences
from engine.events import InteractionType
from engine.language import Language
from engine.offers import Access, Kind
from tests.unit.campaigns.test_evaluation import trees

GIVEN = {
    "interest": {"keyword": "k"},
    "learned": {"keyword": "k"},
    "kind": {"kind": "course"},
    "district": {"district": "d"},
    "near": {"lat": 60.1, "lon": 24.9, "km": 2},
    "language": {"language": "so"},
    "access": {"need": "quiet"},
    "wants": {"offer": "o"},
    "was_sent": {"campaign": "c"},
    "followed": {"campaign": "c"},
    "member": {"of": "l"},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("predicate", PREDICATES)
def test_every_predicate_has_words(predicate, language):
    more = {"of": [{"is": "everyone"}]} if predicate in ("all", "any", "none") else GIVEN.get(predicate, {})
    tree = msgspec.convert({"is": predicate, **more}, Tree)
    check(tree)
    said = sentence(tree, Language(language))
    assert said.endswith(".")
    assert "{" not in said


@given(trees)
def test_every_tree_can_be_said(tree):
    said = sentences(tree)
    assert all(getattr(said, code) for code in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_has_words(language):
    for kind in Kind:
        assert str(kind) not in sentence(PrefersKind(kind=kind), Language(language)) or language == "en"
    for node in ("access", "did"):
        values = Access if node == "access" else InteractionType
        for value in values:
            its = {"need": value} if node == "access" else {"acts": [value]}
            sentence(msgspec.convert({"is": node, **its}, Tree), Language(language))


def test_names_stand_in_their_language_and_groups_in_brackets():
    def names(id_, language):
        return f"{id_} in {language}"

    swedes = Speaks(language="sv")
    tree = All(of=(Any_(of=(swedes, Wants(offer="o"))), None_(of=(swedes,))))
    assert sentence(tree, Language.EN, names) == (
        "Residents who (speak Swedish or would find “o in en” among their first 10 suggestions) "
        "and fit none of this: (speak Swedish)."
    )
