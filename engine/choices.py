"""What residents choose beside purposes: to pause everything for a while, and to turn a family of reasons off.

A choice is recorded as a word in the consent ledger, like a consent; there `granted` means that it is on.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

PAUSE_LASTS = timedelta(days=30)
"""A pause ends by itself."""
_WITHOUT = "without_"


class Choice(StrEnum):
    """A choice; each `without_` turns off the reasons of one family, named by what follows."""

    PAUSE = "pause"
    WITHOUT_TOPIC = "without_topic"
    WITHOUT_GROUP = "without_group"
    WITHOUT_PLACE = "without_place"
    WITHOUT_AREA = "without_area"
    WITHOUT_KIND = "without_kind"
    WITHOUT_TIME = "without_time"
    WITHOUT_ORGANISER = "without_organiser"
    WITHOUT_POPULAR = "without_popular"
    WITHOUT_ALIKE = "without_alike"

    @property
    def family(self) -> str:
        """The family of reasons that it turns off, empty for a pause."""
        return self.removeprefix(_WITHOUT) if self.startswith(_WITHOUT) else ""


FAMILIES: Mapping[str, Choice] = {choice.family: choice for choice in Choice if choice.family}
"""The families of reasons that can be turned off, with the choice that does it."""
POPULAR = Choice.WITHOUT_POPULAR.family
FEATURES: Mapping[str, frozenset[str]] = {
    "topic": frozenset({"keyword"}),
    "group": frozenset({"audience"}),
    "place": frozenset({"place"}),
    "area": frozenset({"district", "neighborhood"}),
    "kind": frozenset({"kind"}),
    "time": frozenset({"when"}),
    "organiser": frozenset({"organiser"}),
    POPULAR: frozenset(),
    "alike": frozenset(),
}
"""Which features (`engine.taste.features`) the reasons of each family speak of."""


def left_out(off: frozenset[str]) -> frozenset[str]:
    """Return the families of features that may not count while these families of reasons are off."""
    return frozenset().union(*(FEATURES[family] for family in off))
