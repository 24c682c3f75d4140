"""What an entry of the ledger was decided on: a purpose's declaration, or the terms of a partner."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from engine import partners
from engine.consent import PARTNER, Register
from engine.consent import Terms as Decided
from engine.partners import Partner


class PartnerRecords(Protocol):
    """Where partners are read from (`engine.records.partners`)."""

    async def named(self, ids: Sequence[str]) -> Mapping[str, Partner]:
        """Return the partners of those ids, those that are over included."""


class Terms:
    """Finds what was decided on.

    Parameters
    ----------
    register, known
        The purposes, and the partners.
    """

    def __init__(self, register: Register, known: PartnerRecords) -> None:
        self._register = register
        self._partners = known

    async def of(self, purposes: Iterable[str]) -> Mapping[str, Decided]:
        """Return the terms of each purpose or partner, as the ledger calls them."""
        asked = set(purposes)
        ids = [purpose.removeprefix(PARTNER) for purpose in asked if purpose.startswith(PARTNER)]
        found = await self._partners.named(ids) if ids else {}
        own = {purpose: self._register.declaration(purpose) for purpose in asked if not purpose.startswith(PARTNER)}
        return {**own, **{PARTNER + id_: partners.terms(partner) for id_, partner in found.items()}}
