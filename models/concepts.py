"""The vocabulary of concepts: what each is called in which language, and the way from words back to the concepts.

At run time it is made of the offers' own keywords and of whatever the deployer loads, such as the labels of YSO. Labels
may be plural, texts inflected, so both are compared as they are written, and by their stems where that finds nothing.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from models.item import Item
from models.stems import Known, shortest_stem, stem, words

LONGEST_PHRASE = 3
"""Words of the longest label that is looked for in a text; longer ones hardly occur there word by word."""

_QUALIFIER = re.compile(r"\s*\([^)]*\)")
_YSO = re.compile(r"<?https?://www\.yso\.fi/onto/yso/(p\d+)>?")

Labels = Mapping[str, Mapping[str, str]]
"""Tag -> language code -> what the concept is called."""
Related = Mapping[str, Mapping[str, float]]
"""Tag -> tags of concepts that are spoken of together with it -> how strongly, from 0 to 1."""


class Concepts:
    """Concepts and what they are called.

    Parameters
    ----------
    labels
        Tag -> language code -> label. A qualifier in brackets, as in "planning (zoning)", is not part of the name.
    also
        Tag -> language code -> words that other names of the concept consist of. They describe the concept, but do not
        name it: where one name ends and the next begins may be unknown.
    related
        What belongs together though it is called otherwise, such as ancestors and genealogy.
    """

    def __init__(
        self, labels: Labels | None = None, also: Labels | None = None, related: Related | None = None
    ) -> None:
        self.labels: Labels = labels or {}
        self.also: Labels = also or {}
        self.related: Related = related or {}

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Concepts":
        """Return the concepts that items bring with them; what a later one calls a concept holds."""
        return cls({tag: dict(names) for item in items for tag, names in item.labels.items()})

    @classmethod
    def read(cls, paths: Iterable[tuple[str, Path]]) -> "Concepts":
        """Return the concepts of files of labels, given as language codes and paths.

        A line of a file is a URI or an id, a tab, and a label; perhaps one more tab, and other names of the concept.
        URIs of YSO become ids such as ``yso:p1278``. Lines of another form, and headings, are passed over.
        """
        labels: dict[str, dict[str, str]] = defaultdict(dict)
        also: dict[str, dict[str, str]] = defaultdict(dict)
        for language, path in paths:
            for line in path.read_text("utf-8").splitlines():
                concept, *names = (part.strip() for part in line.split("\t"))
                tag = _YSO.sub(r"yso:\1", concept)
                for kind, name in zip((labels, also), names, strict=False):
                    if name and ":" in tag:
                        kind[tag][language] = name
        return cls(labels, also)

    def __or__(self, other: "Concepts") -> "Concepts":
        related = {**self.related, **other.related}
        return Concepts(_joined(self.labels, other.labels), _joined(self.also, other.also), related)

    def among(self, tags: Collection[str]) -> "Concepts":
        """Return the concepts with these tags alone, and what is related to them."""
        whole = (self.labels, self.also, self.related)
        labels, also, related = ({tag: its[tag] for tag in tags if tag in its} for its in whole)
        return Concepts(labels, also, related)  # type: ignore[arg-type]  # each keeps its type

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that labels are in, by code."""
        return tuple(sorted({language for names in self.labels.values() for language in names}))

    @cached_property
    def known(self) -> Mapping[str, Known]:
        """Language -> the words that labels consist of: compounds may consist of them too."""
        found: dict[str, set[str]] = defaultdict(set)
        for language, name, _ in self._names():
            found[language].update(name)
        return {code: Known(forms, {stem(word, code) for word in forms}) for code, forms in found.items()}

    def called(self, word: str, language: str) -> tuple[str, ...]:
        """Return the tags of the concepts that are called so."""
        if tags := self._written.get((language, word)) or self._stemmed.get((language, word)):
            return tags
        root = stem(word, language)
        return self._stemmed.get((language, root), ()) if len(root) >= shortest_stem(language) else ()

    def phrases(self, text: Sequence[str], language: str) -> Iterator[str]:
        """Yield the tags of the concepts whose names of two words and more are in a text, word by word."""
        stems = [stem(word, language) for word in text]
        for at, first in enumerate(stems):
            if (language, first) in self._firsts:
                for end in range(at + 2, min(at + LONGEST_PHRASE, len(stems)) + 1):
                    yield from self._stemmed.get((language, " ".join(stems[at:end])), ())

    def description(self, tag: str) -> Iterator[tuple[str, str]]:
        """Yield the languages and words in which a concept is spoken of."""
        for told in (self.labels, self.also):
            for language, name in told.get(tag, {}).items():
                yield from ((language, word) for word in name_words(name))

    def _names(self) -> Iterator[tuple[str, list[str], str]]:
        """Yield language, words and tag of each label."""
        for tag, names in self.labels.items():
            for language, label in names.items():
                yield language, name_words(label), tag

    @cached_property
    def _written(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Language and label -> tags."""
        return _index((language, " ".join(name), tag) for language, name, tag in self._names())

    @cached_property
    def _stemmed(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Language and stems of a label, blanks between -> tags."""
        return _index(
            (language, " ".join(stem(word, language) for word in name), tag)
            for language, name, tag in self._names()
            if len(name) <= LONGEST_PHRASE
        )

    @cached_property
    def _firsts(self) -> frozenset[tuple[str, str]]:
        """Languages and stems that names of two words and more begin with."""
        return frozenset((language, stems.split(" ")[0]) for language, stems in self._stemmed if " " in stems)


def name_words(label: str) -> list[str]:
    """Return the words of a label without its qualifier.

    Examples
    --------
    >>> name_words("planning (zoning)")
    ['planning']
    """
    return words(_QUALIFIER.sub("", label))


def _joined(ours: Labels, theirs: Labels) -> Labels:
    """Return both; what they call a concept in a language holds."""
    shared = ours.keys() & theirs.keys()
    return {**ours, **theirs} | {tag: {**ours[tag], **theirs[tag]} for tag in ours if tag in shared}


def _index(names: Iterable[tuple[str, str, str]]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for language, name, tag in names:
        if name:
            found[language, name][tag] = None
    return {key: tuple(tags) for key, tags in found.items()}
