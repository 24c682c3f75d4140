"""What ids are called, as offers and the city's divisions name them."""

from collections.abc import Sequence

from engine.catalogue import Catalogue
from engine.districts import Divisions, normalise
from engine.language import Language
from engine.taste import key

_FAMILIES: Sequence[str] = ("keyword", "place")


class CatalogueNames:
    """Names keywords, places and districts; what nobody names is called by its id.

    Parameters
    ----------
    catalogue, divisions
        What names them.
    """

    def __init__(self, catalogue: Catalogue, divisions: Divisions) -> None:
        self._catalogue = catalogue
        self._divisions = divisions

    def __call__(self, id_: str, language: Language) -> str:
        """Return what an id is called."""
        if (division := normalise(id_)) is not None and division == id_:
            return self._divisions.name_of(id_, language)
        vocabulary = self._catalogue.vocabulary
        for family in _FAMILIES:
            if name := vocabulary.labels[vocabulary.slot(key(f"{family}:{id_}"))].pick(language):
                return name
        return id_
