"""Words of a text, their stems, and the parts of compounds.

In Finnish and Swedish what a text is about sits inside compounds: "uintikurssi" is a course (kurssi) and about swimming
(uinti). A word is only ever taken apart into words that are all known, never searched for letters: "live" is not in
"Oliver", nor "punk" in "kaupunki".
"""

import re
import unicodedata
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

import Stemmer

MOST_PARTS = 4
COMPOUNDING = ("fi", "sv")
"""Languages that write compounds as one word, and whose offers Vinkki sees."""
LONGEST_WORD = 40
SHORTEST_PART = 3
SHORTEST_TAIL = 4
"""Letters of a compound's last part: what is shorter is rather an ending."""
SHORTEST_STEM = {"fi": 4}
"""Letters of a stem by which a word is recognised, 3 in other languages: shorter Finnish ones coincide too easily."""
STOP_WORDS = frozenset(
    """
    ja tai on ei se ne että kun jos kuin joka jotka mitä mikä myös sekä oli ovat ole olla voi me he te sinä minä hän
    och att det den de en ett av för med på till som är i om eller vi du ni han hon kan ska från vid var inte
    the a an and or of for to in on at by with is are be as it its this that from you your we our can will
    """.split()  # noqa: SIM905 - read like a text
)

_FOLDED = {
    "nt": "n", "nn": "n", "nk": "k", "ng": "k", "lt": "l", "ll": "l", "rt": "r", "rr": "r", "mp": "m", "mm": "m",
    "kk": "k", "pp": "p", "tt": "t", "ks": "s", "d": "t", "v": "p", "": "",
}  # fmt: skip
"""Weak and strong grade of a consonant -> one of both, and so on."""
_FINNISH_ENDS = re.compile("(?<=..)(nt|nn|nk|ng|lt|ll|rt|rr|mp|mm|kk|pp|tt|ks|d|v|)([aeiouyäö]?)$")
_NEN = re.compile("inen$")
_VOWELS = re.compile("[aeiäoö]")
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Return the words of a text in their order, in small letters, without numbers and stop words.

    Examples
    --------
    >>> words("Uimakoulu 5-6-vuotiaille, ja vauvauinti!")
    ['uimakoulu', 'vuotiaille', 'vauvauinti']
    """
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word[:LONGEST_WORD] for word in found if not word.isdigit() and len(word) > 1 and word not in STOP_WORDS]


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """Return a word without its endings, as far as Snowball finds any; as it is in a language it does not know.

    Finnish stems go on changing where they were cut (turnaus, turnaukset; pentu, pennut), so their ends are folded.

    Examples
    --------
    >>> stem("turnaukset", "fi") == stem("turnaus", "fi"), stem("kurser", "sv") == stem("kurs", "sv")
    (True, True)
    """
    if (stemmer := _stemmer(language)) is None:
        return word
    if language == "fi":
        cut = str(stemmer.stemWord(_NEN.sub("iset", word)))
        return _FINNISH_ENDS.sub(lambda end: _FOLDED[end[1]] + _VOWELS.sub("", end[2]), cut)
    return str(stemmer.stemWord(stemmer.stemWord(word)))


@lru_cache(maxsize=64)
def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    try:
        return Stemmer.Stemmer(language)
    except (KeyError, UnicodeError):
        return None


class Known(NamedTuple):
    """The words of a language that compounds may consist of, as they stand and as stems."""

    words: AbstractSet[str] = frozenset()
    stems: AbstractSet[str] = frozenset()


def parts(word: str, language: str, known: Known, most: int = MOST_PARTS) -> tuple[str, ...]:
    """Return the words that a compound consists of, as few as it takes; nothing if it is none.

    Examples
    --------
    >>> parts("uintikurssi", "fi", Known({"uinti"}, {"kurs"}))
    ('uinti', 'kurssi')
    >>> parts("kaupunki", "fi", Known({"punk"}, {"punk"}))
    ()
    """
    if language not in COMPOUNDING or most < 2:  # noqa: PLR2004 - a compound has two parts
        return ()
    ends = range(len(word) - SHORTEST_TAIL, SHORTEST_PART - 1, -1)
    splits = [(word[:end], word[end:]) for end in ends if _is_known(word[:end], language, known)]
    for head, tail in splits:
        if _is_known(tail, language, known):
            return head, tail
    return next(((head, *more) for head, rest in splits if (more := parts(rest, language, known, most - 1))), ())


def _is_known(word: str, language: str, known: Known) -> bool:
    """Say whether a part is a word: as it stands, or, where it is long enough to tell, in another form."""
    if word in known.words or (len(word) >= SHORTEST_TAIL and word in known.stems):
        return True
    root = stem(word, language)
    return len(word) > len(root) >= shortest_stem(language) and root in known.stems


def shortest_stem(language: str) -> int:
    """Return how many letters tell a word of a language."""
    return SHORTEST_STEM.get(language, SHORTEST_PART)
