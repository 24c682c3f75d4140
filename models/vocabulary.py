"""A vocabulary that a deployer loads, such as YSO: labels in some languages, and what is spoken of together.

Offers bring names of their own keywords. A vocabulary adds other names of these, and the concepts that the words of
texts name without being keywords, in all its languages.
"""

import csv
import gzip
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.errors import Misconfigured
from models.concepts import Concepts
from models.item import Item
from models.words import Words

LABELS = re.compile(r".*[-_](?P<language>[a-z]{2})\.tsv")
"""The name of a file of labels."""
RELATED = re.compile(r".*related.*\.tsv(\.gz)?")
COLUMNS = ("concept", "related", "npmi")


def load(folder: Path) -> Concepts:
    """Return the vocabulary of a folder: its files of labels (`Concepts.read`), and of what is related.

    The heading of a file of what is related names `COLUMNS`; NPMI is how much more often two concepts are spoken of
    together than by chance, from 0 to 1 (G. Bouma, 2009). Lines without them are passed over, as are other files.

    Raises
    ------
    Misconfigured
        A file cannot be read, or there are no labels.
    """
    try:
        files = sorted(folder.iterdir())
        labels = [(found["language"], path) for path in files if (found := LABELS.fullmatch(path.name))]
        concepts = Concepts.read(labels)
        pairs = [pair for path in files if RELATED.fullmatch(path.name) for pair in _pairs(path)]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"VINKKI_LABELS: {folder} cannot be read ({error}).") from error
    if not concepts.labels:
        raise Misconfigured(
            f"VINKKI_LABELS: {folder} has no file such as yso-fi.tsv with a keyword, a tab and a label a line."
        )
    related: dict[str, dict[str, float]] = defaultdict(dict)
    for one, other, strength in pairs:
        related[one][other] = strength
    return concepts | Concepts(related=related)


def spoken_of(concepts: Concepts, items: Iterable[Item]) -> Concepts:
    """Return of a vocabulary what items have as keywords or name in their words; a model keeps no more of it."""
    words, tags, read = Words(concepts), set[str](), set[tuple[str, str]]()
    for item in items:
        for atom in words.read(item):
            if atom.is_tag:
                tags.add(atom.text)
            elif (its := (atom.text, atom.language)) not in read:
                read.add(its)
                tags.update(words.named(*its))
    return concepts.among(tags)


def _pairs(path: Path) -> Iterator[tuple[str, str, float]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            one, other, strength = (row.get(column) for column in COLUMNS)
            if one and other and (value := _share(strength)):
                yield one, other, value


def _share(word: str | None) -> float | None:
    """Return a number from above 0 to 1; None for anything else."""
    try:
        value = float(word or "")
    except ValueError:
        return None
    return value if 0 < value <= 1 else None
