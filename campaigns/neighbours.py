"""What dispatching asks of others: each is a promise that `api.wiring` keeps with a part of the house."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from campaigns.caps import Room
from campaigns.cards import Card
from campaigns.channels import Rendered
from campaigns.records.deliveries import Claims, Done
from campaigns.run import Plan, Standing
from engine.consent import Consents, Permit
from engine.events import Pseudonym


class Form(Protocol):
    """A message in one language for one channel, rendered but for what is each resident's own."""

    def fill(self, *, stop: str, why: str, picks: Sequence[Card] = ()) -> Rendered:
        """Return it with that filled in."""


class Leaves(Protocol):
    """What residents allow now (`engine.online`, behind it `engine.records.ledger`)."""

    async def consents_many(self, residents: Sequence[Pseudonym]) -> Mapping[Pseudonym, Consents]:
        """Return the consents of those who have said anything."""


class Plans(Protocol):
    """The runs (`campaigns.records.runs`)."""

    async def plan(self, run: str) -> Plan | None:
        """Return the plan of a run."""

    async def standing(self, run: str) -> Standing:
        """Return where a run is."""

    async def handled(self, run: str, number: int, people: int, left_out: Mapping[str, int]) -> None:
        """Note that all in a message are decided on, and how many of them were left out, by reason."""


class Deliveries(Protocol):
    """What became of each (`campaigns.records.deliveries`)."""

    async def claim(  # noqa: PLR0913 - a claim is on so much
        self,
        plan: Plan,
        channel: str,
        purpose: str,
        messages: Mapping[Pseudonym, str],
        room: Room,
        now: datetime,
        due: datetime | None = None,
    ) -> Claims:
        """Claim deliveries; with `due` they wait until then."""

    def handing(self, residents: Sequence[Pseudonym]) -> AbstractAsyncContextManager[None]:
        """Keep answers to withdrawals from before a handful's turn until it is delivered."""

    async def turn(
        self, done: Sequence[Done], run: str, following: Sequence[Pseudonym], now: datetime
    ) -> set[Pseudonym]:
        """Record a handful, and hand out the next; return those of it that may be sent at this moment."""

    async def take_back(self, run: str, residents: Sequence[Pseudonym]) -> None:
        """Note that a handful was not handed out after all, where its holder never heard whether it might be."""

    async def release(self, run: str, residents: Sequence[Pseudonym], now: datetime) -> None:
        """Give back what was claimed and not handed out."""

    async def skip(self, run: str, residents: Sequence[Pseudonym], reason: str, now: datetime) -> None:
        """Note that what waited is not sent, and why."""

    async def due(self, now: datetime) -> Mapping[str, Sequence[Pseudonym]]:
        """Return what has waited long enough, by run."""


class Addresses(Protocol):
    """Confirmed addresses (`engine.addresses`)."""

    async def confirmed_many(self, permits: Sequence[Permit], means: str) -> Sequence[str | None]:
        """Return each resident's confirmed address, in the order of the permits."""


class Suppressions(Protocol):
    """Addresses that nothing is sent to (`campaigns.records.suppressions`)."""

    async def among(self, channel: str, addresses: Mapping[Pseudonym, str]) -> Sequence[Pseudonym]:
        """Return whose address is suppressed."""

    async def add(self, channel: str, addresses: Mapping[Pseudonym, tuple[str, str]], now: datetime) -> None:
        """Suppress addresses: by resident, the address and the reason."""


class Speech(Protocol):
    """What is said (`campaigns.message`, and `campaigns.stop` for the link)."""

    async def form(self, plan: Plan, language: str, channel: str) -> Form:
        """Return the approved message of that version, in that language or the one that stands in for it."""

    async def languages(self, plan: Plan, permits: Sequence[Permit]) -> Sequence[str]:
        """Return in which of the message's languages each resident is spoken to."""

    def stop(self, resident: Pseudonym, plan: Plan, channel: str, now: datetime, language: str) -> str:
        """Return the link that ends these messages."""

    def measured(self, rendered: Rendered, message: str) -> Rendered:
        """Return it with links that tell when they are followed, for who allows `measurement`."""

    async def picks(
        self, plan: Plan, permits: Sequence[Permit], language: str
    ) -> Sequence[Sequence[Card] | None] | None:
        """Return each resident's own picks, None for whom there is none and who is to get no message without.

        None where the message has no place for any.
        """
