"""An answer with suggestions: what is suggested, why, and what it is based on."""

from typing import Literal, NamedTuple

import msgspec

from engine.consent import Permit
from engine.events import AwareTime, Chance, Impression
from engine.query import Fit
from engine.reasons import Reason

Basis = Literal["personal", "stated", "popular", "similar"]


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One suggested offer; `fit` speaks of what was asked for only."""

    rank: int
    offer: msgspec.Raw
    reasons: tuple[Reason, ...]
    fit: Fit | None = None


class Suggestions(msgspec.Struct, frozen=True):
    """An answer, best first, and what it is based on."""

    suggestion_id: str
    basis: Basis
    generated_at: AwareTime
    valid_until: AwareTime
    items: tuple[Item, ...]

    @property
    def offers(self) -> tuple[str, ...]:
        """The offers' ids, best first."""
        return tuple(_decode_id(item.offer).id for item in self.items)

    def impression(self, chance: Chance | None, model: str | None, permit: Permit | None) -> Impression | None:
        """Return the record of it, under leave to keep one; None without."""
        if permit is None:
            return None
        return Impression(
            self.suggestion_id,
            permit.resident,
            self.generated_at,
            self.basis,
            self.offers,
            purpose=str(permit.purpose),
            chance=chance,
            model=model,
        )

    def json(self) -> bytes:
        """Return the answer in JSON; the offers' cards go in as they are."""
        return _encode(self)


class _Id(msgspec.Struct, frozen=True):
    id: str


class Pick(NamedTuple):
    """An offer that is picked for a message, by its id, and the reason that counted most; empty where none did."""

    offer: str
    why: str


_encode = msgspec.json.Encoder().encode
_decode_id = msgspec.json.Decoder(_Id).decode
