"""Who is who, and what residents have told us. One table alone links a person's UUID to a random pseudonym."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from engine.avoidance import NOTHING, Avoided
from engine.consent import Permit, Purpose
from engine.errors import ConsentRequired, Erased
from engine.events import Pseudonym
from engine.offers import Access, Kind

_T = TypeVar("_T")


class Interests(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a resident told us: keywords (YSO), kinds, districts (OCD), languages (ISO 639-1), birth year, needs.

    And what is not to be suggested (`engine.avoidance`).
    """

    keywords: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    districts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    birth_year: int | None = None
    access: tuple[Access, ...] = ()
    avoided: Avoided = NOTHING


_LISTS = {"keyword": "keywords", "kind": "kinds", "district": "districts", "language": "languages", "access": "access"}
_BIRTH_YEAR = "birth_year"
_AVOIDED = "avoided"


def told(interests: Interests) -> list[str]:
    """Return each thing that was told by a name.

    Such as ``keyword:yso:p965``, ``language:fi``, ``birth_year``; of what is avoided ``avoided:kind:course``.
    """
    names = [f"{family}:{value}" for family, name in _LISTS.items() for value in getattr(interests, name)]
    names += [_BIRTH_YEAR] if interests.birth_year is not None else []
    return names + [f"{_AVOIDED}:{name}" for name in interests.avoided.names()]


def without(interests: Interests, name: str) -> Interests:
    """Return the interests without one of the things that `told` names."""
    if name == _BIRTH_YEAR:
        return msgspec.structs.replace(interests, birth_year=None)
    family, _, value = name.partition(":")
    if family == _AVOIDED:
        return msgspec.structs.replace(interests, avoided=interests.avoided.without(value))
    if (field := _LISTS.get(family)) is None:
        return interests
    kept = tuple(one for one in getattr(interests, field) if str(one) != value)
    return msgspec.structs.replace(interests, **{field: kept})


def avoiding(interests: Interests, name: str) -> Interests:
    """Return the interests with one more thing to avoid, such as ``keyword:yso:p965``; it is wanted no more.

    Raises
    ------
    InvalidInput
        So much is avoided already that no more is kept.
    """
    left = without(interests, name)
    return msgspec.structs.replace(left, avoided=left.avoided.also(name))


class ResidentRecords(Protocol):
    """The durable home of links and interests (`engine.records.residents`)."""

    async def pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return the pseudonym linked to a person."""

    async def link(self, person: UUID, proposed: Pseudonym) -> Pseudonym:
        """Link a person to `proposed`, unless linked already; return the pseudonym that holds."""

    async def interests(self, resident: Pseudonym) -> Interests | None:
        """Return what a resident told."""

    async def tell(self, resident: Pseudonym, interests: Interests, now: datetime) -> None:
        """Replace what a resident told."""

    async def change(
        self, resident: Pseudonym, change: Callable[[Interests], Interests], now: datetime
    ) -> Interests | None:
        """Replace what a resident told by what `change` makes of it, in one step; None where nothing may be kept."""


class OnlineInterests(Protocol):
    """The online copy of what residents told (`engine.online`)."""

    async def put_interests(self, permit: Permit, interests: Interests) -> bool:
        """Hold the interests online for as long as `permit`'s grant lasts; say whether they are held."""


def new_pseudonym() -> Pseudonym:
    """Return 22 random URL-safe characters (128 bits)."""
    return secrets.token_urlsafe(16)


class Residents:
    """Turns people into pseudonyms at the door, and keeps what they tell.

    Parameters
    ----------
    records, online
        The durable home, and the online copy of interests.
    cached
        How many links this process remembers; a person without one is looked up each time.
    """

    def __init__(self, records: ResidentRecords, online: OnlineInterests, cached: int = 20_000) -> None:
        self._records = records
        self._online = online
        self._cached = cached
        self._links: OrderedDict[UUID, Pseudonym] = OrderedDict()
        self._erased = 0

    async def pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return the person's pseudonym, or None for somebody who has never decided on a consent."""
        if (known := self._links.get(person)) is not None:
            self._links.move_to_end(person)
            return known
        before = self._erased
        found = await self._records.pseudonym(person)
        # A link that was read while somebody was erased may be theirs: it serves this once and is not remembered.
        return found if found is None or before != self._erased else self._remember(person, found)

    async def enrol(self, person: UUID) -> Pseudonym:
        """Return the person's pseudonym, making one if there is none."""
        if (known := await self.pseudonym(person)) is not None:
            return known
        before = self._erased
        linked = await self._records.link(person, new_pseudonym())
        return linked if before != self._erased else self._remember(person, linked)

    async def decide(self, person: UUID, word: Callable[[Pseudonym], Awaitable[_T]]) -> _T:
        """Return what `word` returns for the person's pseudonym, making one if there is none.

        Where the link that this process remembered leads to nobody any more, who decides now begins anew.
        """
        try:
            return await word(await self.enrol(person))
        except Erased:
            self.forget_link(person)
            return await word(await self.enrol(person))

    def forget_link(self, person: UUID) -> None:
        """Drop a link from this process's memory."""
        self._erased += 1
        self._links.pop(person, None)

    def forget_links(self, erased: Collection[Pseudonym]) -> None:
        """Drop the links to pseudonyms that are nobody's any more from this process's memory."""
        self._erased += 1
        for person in [person for person, pseudonym in self._links.items() if pseudonym in erased]:
            del self._links[person]

    async def interests(self, resident: Pseudonym) -> Interests:
        """Return what the resident told us, for the resident's own eyes."""
        return await self._records.interests(resident) or Interests()

    async def tell(self, permit: Permit, interests: Interests, now: datetime) -> None:
        """Keep what the resident tells.

        Raises
        ------
        ConsentRequired
            The permit is for another purpose.
        """
        _check(permit)
        await self._records.tell(permit.resident, interests, now)
        await self._hold(permit, interests)

    async def avoid(self, permit: Permit, name: str, now: datetime) -> Interests:
        """Keep one more thing that is not to be suggested (`avoiding`), and return all that was told.

        Raises
        ------
        ConsentRequired
            The permit is for another purpose, or the consent has ended meanwhile.
        InvalidInput
            No more is kept.
        """
        _check(permit)
        told = await self._records.change(permit.resident, lambda held: avoiding(held, name), now)
        if told is None:
            raise ConsentRequired(_NO_CONSENT)
        await self._hold(permit, told)
        return told

    async def _hold(self, permit: Permit, interests: Interests) -> None:
        # What another tab tells or removes meanwhile may be put online before this: the durable home has the last word.
        latest: Interests | None = interests
        while latest is not None and await self._online.put_interests(permit, held := latest):
            if (latest := await self._records.interests(permit.resident)) == held:
                return

    def _remember(self, person: UUID, pseudonym: Pseudonym) -> Pseudonym:
        self._links[person] = pseudonym
        while len(self._links) > self._cached:
            self._links.popitem(last=False)
        return pseudonym


_NO_CONSENT = "Telling interests needs the consent `interests`; ask the resident for it first."


def _check(permit: Permit) -> None:
    if permit.purpose is not Purpose.INTERESTS:
        raise ConsentRequired(_NO_CONSENT)
