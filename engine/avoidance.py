"""What a resident does not want to be suggested: topics, kinds and places, as they told us.

An offer that has one of them among its features (`engine.taste.features`) is left out. Kinds are in force where the
question itself asks for none: who looks for courses now gets courses. Topics and places always are.
"""

import msgspec

from engine.errors import InvalidInput
from engine.offers import Kind

MOST = 200
"""How many topics, and how many places, are kept."""
KIND = "kind"
_LISTS = {"keyword": "keywords", KIND: "kinds", "place": "places"}


class Avoided(msgspec.Struct, frozen=True, omit_defaults=True):
    """Keywords (YSO), kinds, and places by their ids."""

    keywords: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    places: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return each by the name that offers' features have: ``keyword:yso:p965``, ``kind:course``, ``place:…``."""
        return [f"{family}:{value}" for family, field in _LISTS.items() for value in getattr(self, field)]

    def also(self, name: str) -> "Avoided":
        """Return the same with one more.

        Raises
        ------
        InvalidInput
            There are `MOST` already.
        """
        if name in self.names():
            return self
        family, _, value = name.partition(":")
        held = getattr(self, _LISTS[family])
        if len(held) >= MOST:
            raise InvalidInput(f"At most {MOST} of these are kept; take one back first.", field="value")
        return msgspec.structs.replace(self, **{_LISTS[family]: (*held, Kind(value) if family == KIND else value)})

    def without(self, name: str) -> "Avoided":
        """Return the same without one."""
        family, _, value = name.partition(":")
        if (field := _LISTS.get(family)) is None:
            return self
        kept = tuple(one for one in getattr(self, field) if str(one) != value)
        return msgspec.structs.replace(self, **{field: kept})


NOTHING = Avoided()
