"""What a text says, as weighted features that mean the same in every language where the vocabulary of concepts reaches.

An offer is read into atoms: its words, its tags, what a tag it brings itself is called. Each distinct atom has the same
features wherever it occurs, so it is analysed once, however many offers it is in::

    word    itself by its stem; the parts of a compound; the concepts that are called so, and what they are called
            in all languages; of titles and of the beginnings of texts, n-grams of characters
    tag     the concept itself, what it is called in all languages, and the concepts related to it

So "uintikurssi" and "swimming" meet in the concept of swimming, and in the words it is called by.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from models.concepts import Concepts, name_words
from models.item import NO_LANGUAGE, Item
from models.stems import LONGEST_WORD, Known, parts, stem, words

MOST_CHARACTERS = 4_000
"""What of a text is read: its beginning says what it is about, and no text may hold up all others."""
SPELT_CHARACTERS = 500
"""What of a text, and of a title, is also spelt in n-grams."""
MOST_TERMS = 2_000
IN_TITLE = 3
"""How often a word counts that stands in a title, and so does a tag: what is said there was chosen with care."""
GRAMS = (3, 4, 5)
TAG, WORD, PART, LINK, LABEL, RELATED, SPELLING = 1.0, 1.0, 0.6, 0.8, 0.35, 1.0, 1.0
"""How much counts: a tag, a word, a part of a compound, a concept that a word names, what a concept is called, what is
related to it, as strongly as it is, and all n-grams of a word together."""
_NOTHING = Known()

Features = dict[str, float]


class Atom(NamedTuple):
    """What has features: a word in a language, spelt or not; or a tag, with names that it alone brings."""

    text: str
    language: str = NO_LANGUAGE
    spelt: bool = False
    is_tag: bool = False
    names: tuple[tuple[str, str], ...] = ()


class Words:
    """Reads items, with the help of a vocabulary.

    Parameters
    ----------
    concepts
        What words may name, and compounds consist of.
    """

    def __init__(self, concepts: Concepts) -> None:
        self.concepts = concepts

    def read(self, item: Item) -> dict[Atom, float]:
        """Return the atoms of an item, with how often they occur."""
        atoms: dict[Atom, float] = {}
        named = (self._words(text, code) for code, text in item.title.items())
        texts = (*item.text.items(), (NO_LANGUAGE, item.organiser_text or ""))
        told = (self._words(text, code) for code, text in texts)
        for atom in chain(self._tags(item), *named):
            atoms[atom] = atoms.get(atom, 0.0) + IN_TITLE
        for atom in chain(*told):
            atoms[atom] = atoms.get(atom, 0.0) + 1
        for term, count in islice(item.terms.items(), MOST_TERMS):
            atom = Atom(term.casefold()[:LONGEST_WORD])
            atoms[atom] = atoms.get(atom, 0.0) + count
        return atoms

    def features(self, atom: Atom) -> Features:
        """Return what an atom means."""
        if atom.is_tag:
            return self._concept(atom.text, dict(atom.names))
        meant = self._word(atom.text, atom.language)
        for tag, weight in self.named(atom.text, atom.language).items():
            _raise(meant, self._concept(tag, {}), weight)
        if atom.spelt:
            _raise(meant, _spelling(atom.text), SPELLING)
        return meant

    def named(self, word: str, language: str) -> Features:
        """Return the tags of the concepts that a word or its parts name, each for less where many are called so."""
        named: Features = {}
        for code in self._spoken(language):
            _raise(named, _shared(self.concepts.called(word, code)), LINK)
        for part in self._parts(word, language):
            _raise(named, _shared(self.concepts.called(part, language)), LINK * PART)
        return named

    def _tags(self, item: Item) -> Iterator[Atom]:
        for tag in item.tags:
            names = () if tag in self.concepts.labels else tuple(item.labels.get(tag, {}).items())
            yield Atom(tag, is_tag=True, names=names)

    def _words(self, text: str, language: str) -> Iterator[Atom]:
        spelt = words(text[:SPELT_CHARACTERS])
        told = words(text[SPELT_CHARACTERS:MOST_CHARACTERS])
        yield from (Atom(word, language, spelt=True) for word in spelt)
        yield from (Atom(word, language) for word in told)
        for code in self._spoken(language):
            yield from (Atom(tag, is_tag=True) for tag in self.concepts.phrases(spelt + told, code))

    def _spoken(self, language: str) -> tuple[str, ...]:
        """Return the languages that a word may be in."""
        return self.concepts.languages if language == NO_LANGUAGE else (language,)

    def _word(self, word: str, language: str) -> Features:
        """Return a word by its stem, and the parts of a compound; in an unknown language as it is, and by each stem."""
        if language == NO_LANGUAGE:
            return {f"w:{form}": WORD for form in (word, *(stem(word, code) for code in self._spoken(language)))}
        meant = {f"w:{stem(part, language)}": PART for part in self._parts(word, language)}
        return meant | {f"w:{stem(word, language)}": WORD}

    def _parts(self, word: str, language: str) -> tuple[str, ...]:
        return parts(word, language, self.concepts.known.get(language, _NOTHING))

    def _concept(self, tag: str, names: Mapping[str, str]) -> Features:
        """Return a concept, the words it is spoken of in, in all languages, and the concepts that those name."""
        meant = {f"t:{tag}": TAG}
        own = ((language, word) for language, name in names.items() for word in name_words(name))
        for language, word in chain(own, self.concepts.description(tag)):
            _raise(meant, self._word(word, language), LABEL)
            _raise(meant, {f"t:{other}": w for other, w in self.named(word, language).items()}, LABEL)
        _raise(meant, {f"t:{other}": w for other, w in self.concepts.related.get(tag, {}).items()}, RELATED)
        return meant


def _shared(tags: Sequence[str]) -> Features:
    return dict.fromkeys(tags, 1 / math.sqrt(len(tags) or 1))


def _raise(features: Features, others: Features, factor: float) -> None:
    """Add features, or raise their weights, to `factor` times what the others have."""
    for feature, weight in others.items():
        features[feature] = max(features.get(feature, 0.0), factor * weight)


def _spelling(word: str) -> Features:
    """Return the n-grams of a word; long words and short ones weigh the same."""
    edged = f" {word} "
    grams = {f"n:{edged[at : at + n]}" for n in GRAMS for at in range(len(edged) - n + 1)}
    return dict.fromkeys(sorted(grams), 1 / math.sqrt(len(grams) or 1))
