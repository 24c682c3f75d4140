"""What reasons say, in words, by the number that `engine.contributions` packs them into.

Each is worded once and then only looked up: there are few different reasons among many answers of a minute, and to put
one into words takes longer than to rank.
"""

from datetime import date

from engine.columns import Vocabulary
from engine.contributions import ABOUT_BITS, ANY_DAY, SLOT_BITS
from engine.districts import Divisions
from engine.language import Language, Localized
from engine.reasons import KINDS, TIMES, Code, Reason, day, distance, local, say, when, when_and_where

ALL = tuple(Code)
NUMBER = {code: number for number, code in enumerate(ALL)}


class Sayings(dict[int, Reason | None]):
    """Reasons by their packed form, in one language on one day; None where what it is about has no name for people.

    Parameters
    ----------
    vocabulary, divisions
        The names of features and of areas.
    """

    def __init__(self, vocabulary: Vocabulary, divisions: Divisions, language: Language, today: date) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._divisions = divisions
        self._language = language
        self._today = today

    def __missing__(self, packed: int) -> Reason | None:
        code = ALL[packed >> (ABOUT_BITS + SLOT_BITS)]
        about = self._about(code, packed >> SLOT_BITS & ANY_DAY, packed & (1 << SLOT_BITS) - 1)
        reason = self[packed] = None if about is None else say(code, about, self._language)
        return reason

    def _about(self, code: Code, about: int, slot: int) -> str | None:  # noqa: PLR0911 - one for each kind of reason
        match code:
            case Code.NEAR:
                return distance(about, self._language)
            case Code.SOON | Code.ENROLMENT_CLOSING:
                return self._moment(about)
            case Code.ENROLMENT_OPENED:
                return day(local(about).date(), self._today, self._language)
            case Code.LAST_SEATS:
                return str(about)
            case Code.POPULAR:
                return f": {area}" if (area := self._name(slot)) else ""
            case Code.FREE | Code.INTERESTED_LIKE | Code.INTERESTED_ALIKE:
                return ""
            case Code.WHEN_AND_WHERE:
                return when_and_where(
                    None if about == ANY_DAY else self._moment(about), self._name(slot), self._language
                )
        return self._name(slot) or None

    def _moment(self, minute: int) -> str:
        return when(minute, self._today, self._language)

    def _name(self, slot: int) -> str:
        """Return what a feature is called; nothing where it has no name for people."""
        return name_of(self._vocabulary.names[slot], self._vocabulary.labels[slot], self._divisions, self._language)


def name_of(feature: str, label: Localized, divisions: Divisions, language: Language) -> str:
    """Return what people call a feature (`engine.taste.features`); nothing where it has no name for people.

    Parameters
    ----------
    label
        What its offers call it: a keyword's or a place's name.

    Examples
    --------
    >>> name_of("kind:course", Localized(), Divisions(), Language.SV)
    'kurser'
    """
    family, _, value = feature.partition(":")
    if family in ("district", "neighborhood"):
        return divisions.name_of(value, language)
    if family == "organiser":
        return value
    words = {"kind": KINDS, "when": TIMES}.get(family, {}).get(value)
    return words[language] if words else label.pick(language)
