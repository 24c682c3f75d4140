"""Which offers there are: live ones are in this process's memory, for the others the database is asked once."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from engine.catalogue import Catalogue
from engine.records.offers import OfferRecords
from engine.taste import key


@dataclass(frozen=True, slots=True)
class KnownOffers:
    """Tells known ids from unknown ones."""

    catalogue: Catalogue
    records: OfferRecords

    async def unknown(self, ids: AbstractSet[str]) -> set[str]:
        """Return those of `ids` that name no offer, neither one of now nor one of the past.

        Raises
        ------
        StoreUnavailable
            Some are not live, and the database does not answer.
        """
        absent = {id_ for id_ in ids if self.catalogue.row(key(id_)) is None}
        return absent - await self.records.existing(sorted(absent)) if absent else absent
