"""An audience as a sentence, in Finnish, Swedish and English.

A sentence is put together from clauses that all follow the same beginning, so that nothing need be inflected; names of
things stand as they are, as `Names` knows them, else by their ids.
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from campaigns.audience import OLDEST_AGE, Age, All, Did, HasDependant, Interest, Learned, None_, Tree
from campaigns.audience import Group as _Group
from engine.language import Language, Localized

LANGUAGES = ("fi", "sv", "en")
Names = Callable[[str, Language], str]
"""From an id of a keyword, a district, a place or an offer to what it is called in a language."""


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "sentence.toml").read_text("utf-8"))


def plainly(id_: str, _: Language) -> str:
    """Call everything by its id."""
    return id_


def sentence(tree: Tree, language: Language, names: Names = plainly) -> str:
    """Return in words whom a tree means.

    Examples
    --------
    >>> from campaigns.audience import Age, All, Speaks
    >>> sentence(All(of=(Speaks(language="sv"), Age(youngest=18))), Language.EN)
    'Residents who speak Swedish and turn at least 18 years old this year.'
    """
    words = _words()[language]
    return f"{words['begin']} {_clause(tree, language, names)}."


def sentences(tree: Tree, names: Names = plainly) -> Localized:
    """Return the sentence in all languages."""
    return Localized(**{code: sentence(tree, Language(code), names) for code in LANGUAGES})


def _clause(tree: Tree, language: Language, names: Names) -> str:
    words = _words()[language]
    if isinstance(tree, _Group):
        inner = [_inner(one, language, names) for one in tree.of]
        if isinstance(tree, None_):
            return f"{words['not']} ({_joined(inner, words['or'])})"
        return _joined(inner, words["and" if isinstance(tree, All) else "or"])
    tag = str(tree.__struct_config__.tag)
    return str(words["clauses"][_variant(tree, tag)]).format(**_values(tree, language, names))


def _inner(tree: Tree, language: Language, names: Names) -> str:
    clause = _clause(tree, language, names)
    several = isinstance(tree, _Group) and not isinstance(tree, None_) and len(tree.of) > 1
    return f"({clause})" if several else clause


def _joined(clauses: list[str], word: str) -> str:
    return f" {word} ".join(clauses)


def _variant(tree: Tree, tag: str) -> str:
    """Return the name of the clause that fits what a predicate says."""
    match tree:
        case Interest() | Learned() if not tree.narrower:
            return f"{tag}_alone"
        case Did():
            thing = next((name for name in ("offer", "place", "kind") if getattr(tree, name) is not None), "")
            return f"did_{thing}" if thing else "did"
        case Age() if tree.oldest == OLDEST_AGE:
            return "age_from"
        case HasDependant() if tree.youngest == tree.oldest:
            return "dependant_one"
        case _:
            return f"{tag}_first" if getattr(tree, "first", False) else tag


def _values(tree: Tree, language: Language, names: Names) -> Mapping[str, str]:
    words, plain = _words()[language], msgspec.to_builtins(tree)
    values = {name: f"{value:g}" if isinstance(value, int | float) else str(value) for name, value in plain.items()}
    for name in ("keyword", "district", "place", "offer", "campaign", "of"):
        if isinstance(plain.get(name), str):
            values[name] = names(plain[name], language)
    if plain.get("kind") is not None:
        values["kind"] = words["kinds"][plain["kind"]]
    if "language" in plain:
        values["language"] = words["languages"].get(plain["language"], plain["language"])
    if "need" in plain:
        values["need"] = words["needs"][plain["need"]]
    if "acts" in plain:
        values["acts"] = ", ".join(words["acts"][act] for act in plain["acts"])
    return values
