"""How many residents would want an offer, and be glad to hear of it: counted, never listed outside.

Everybody is asked for permits at the moment they are looked at: for a message on the topic, and for `activity` or
`interests`, which open what is known. Then their own suggestions are ranked as `engine.suggestion` does it, and who has
the offer among the first of them would want it: somebody with many better offers would not. Of an offer with few seats
so many are reached as would fill them, those first whom it suits best, so that it is not promised to a crowd.

Who would want it is remembered until the count is made, to be asked once more then: who has withdrawn in the meantime
is not counted. Nothing leaves this module but numbers and, to the index of audiences (`campaigns.wanting`), who was
reached.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np

from engine.catalogue import Catalogue
from engine.columns import OLDEST, Trait
from engine.consent import Consents, Permit, Purpose
from engine.errors import Over
from engine.events import AwareTime, Pseudonym
from engine.known import Known, SealedState, known
from engine.marketing import identifiers
from engine.offers import Kind
from engine.query import Query
from engine.ranking import Filters, Request
from engine.suggestion import Suggester
from engine.taste import key

PER_SEAT = 10
"""Residents reached for each seat that is left: of those who hear of a course, about one in ten comes, at best."""
MOST_TOP = 50
_TOPICS: Mapping[Kind, str] = {Kind.VOLUNTEERING: "volunteering", Kind.COURSE: "new_courses"}
_ANY_TOPIC = "area_tips"
_AT_ONCE = 8
"""Residents who are ranked before others get their turn: some two milliseconds."""
_T = TypeVar("_T")
UNKNOWN_LANGUAGE, OTHER_LANGUAGE = "unknown", "other"
LANGUAGES = ("fi", "sv", "en", OTHER_LANGUAGE, UNKNOWN_LANGUAGE)


class Wish(msgspec.Struct, frozen=True):
    """Who is meant: a definition without people, which means others at another time.

    Attributes
    ----------
    offer
        The offer's id.
    topic, channel
        Of the marketing that they must have allowed; any channel where none is named.
    top
        Among how many of their suggestions the offer must be.
    asked
        When it was asked.
    """

    offer: str
    topic: str
    channel: str | None
    top: int
    asked: AwareTime

    @property
    def name(self) -> str:
        """What the same question is recognised by, whenever it is asked."""
        return f"{self.offer} {self.topic} {self.channel or 'any'} {self.top}"

    @property
    def purposes(self) -> frozenset[Purpose]:
        """The purposes of which one must be allowed."""
        wanted = (self.topic, self.channel)
        return frozenset(
            Purpose(purpose) for purpose, topic, channel in identifiers() if wanted in ((topic, channel), (topic, None))
        )


class Out(StrEnum):
    """Why somebody is not counted."""

    NO_CONSENT = "no_consent"
    NOTHING_KNOWN = "nothing_known"
    AGE = "age"
    UNFIT = "unfit"
    AVOIDED = "avoided"
    SETTLED = "settled"
    BETTER = "better"


class Found(NamedTuple):
    """Exact counts, which no door may tell but through `engine.counts`.

    `reached` are those of the `wanting` for whom there are seats, by the first language they told.
    """

    everybody: int
    wanting: int
    reached: int
    languages: Mapping[str, int]
    out: Mapping[Out, int]


class ReachRecords(Protocol):
    """Where residents are read from (`engine.records.reach`)."""

    async def size(self) -> int:
        """Return about how many residents there are."""

    def chunks(self, purposes: Collection[Purpose]) -> AsyncIterator[tuple[list[Pseudonym], int]]:
        """Yield residents who have granted one of the purposes, and how many others there are, chunk by chunk."""


class OnlineState(Protocol):
    """Where residents' state is fetched (`engine.online`)."""

    async def sealed_many(self, residents: Sequence[Pseudonym]) -> Sequence[SealedState]:
        """Fetch the state of several residents in one round trip, in the order given."""


class Ledger(Protocol):
    """What knows consents that the online state does not hold (`engine.ledger`)."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""


class _Wanting(NamedTuple):
    """Somebody who would want it, in the order of how much: their place of it, and its score below their best."""

    place: int
    lead: float
    language: str
    resident: Pseudonym


async def breathe() -> None:
    """Let others have their turn, and half of the processor."""
    await asyncio.sleep(0.002)


class Reach:
    """Counts.

    Parameters
    ----------
    suggester, catalogue
        What residents would be shown, and of which offers.
    records, online, ledger
        Where residents, their state and their words come from.
    rest
        What is awaited between some residents and the next.
    """

    def __init__(  # noqa: PLR0913 - the parts are what it is made of
        self,
        suggester: Suggester,
        catalogue: Catalogue,
        records: ReachRecords,
        online: OnlineState,
        ledger: Ledger,
        rest: Callable[[], Awaitable[None]] = breathe,
    ) -> None:
        self._suggester = suggester
        self._catalogue = catalogue
        self._records = records
        self._online = online
        self._ledger = ledger
        self._rest = rest

    def topic(self, offer: str, now: datetime) -> str:
        """Return the topic of marketing that an offer is of by its kind.

        Raises
        ------
        Over
            It is over, full, cancelled or closed for enrolment.
        """
        kinds = int(self._catalogue.live(now).columns.traits[self._row(offer, now)])
        kind = next(kind for n, kind in enumerate(Kind) if kinds >> (Trait.KIND + n) & 1)
        return _TOPICS.get(kind, _ANY_TOPIC)

    async def count(self, wish: Wish, clock: Callable[[], datetime], tell: Callable[[float], Awaitable[None]]) -> Found:
        """Count those who would want an offer.

        Parameters
        ----------
        tell
            Is awaited with the share that is done, now and then.

        Raises
        ------
        Over
            The offer is over, or has ended meanwhile.
        StoreUnavailable
            A store does not answer: what cannot be read is not guessed.
        """
        done, sure, out = await self._found(wish, clock, tell)
        reached = self._reached(sure, wish, clock())
        return Found(done, len(sure), len(reached), Counter(one.language for one in reached), out)

    async def members(
        self, wish: Wish, clock: Callable[[], datetime], tell: Callable[[float], Awaitable[None]]
    ) -> list[Pseudonym]:
        """Return those whom `count` would tell as reached; whoever asks leaves them out again at any word of theirs.

        Raises
        ------
        Over, StoreUnavailable
            As in `count`.
        """
        _, sure, _ = await self._found(wish, clock, tell)
        return [one.resident for one in self._reached(sure, wish, clock())]

    async def _found(
        self, wish: Wish, clock: Callable[[], datetime], tell: Callable[[float], Awaitable[None]]
    ) -> tuple[int, list[_Wanting], Counter[Out]]:
        """Return how many were looked at, who would want it and allows it still, and why the others do not."""
        out, wanting, done = Counter[Out](), list[_Wanting](), 0
        size = max(1, await self._records.size())
        async for granted, others in self._records.chunks(wish.purposes):
            out[Out.NO_CONSENT] += others
            for some in _some(granted):
                await self._look(some, wish, clock(), out, wanting)
                await self._rest()
            done += len(granted) + others
            await tell(min(1.0, done / size))
        sure = [one for some in _some(wanting) async for one in self._still(some, wish, clock)]
        out[Out.NO_CONSENT] += len(wanting) - len(sure)
        return done, sure, out

    def _reached(self, sure: Sequence[_Wanting], wish: Wish, now: datetime) -> Sequence[_Wanting]:
        """Return as many as there are seats for, those first whom it suits best."""
        row = self._row(wish.offer, now)
        seats = int(self._catalogue.live(now).columns.seats[row])
        return sorted(sure)[: None if seats < 0 else PER_SEAT * seats]

    def _row(self, offer: str, now: datetime) -> int:
        row = self._catalogue.row(key(offer))
        live = self._catalogue.live(now)
        if row is None or live.columns.until[row] <= live.minute:
            raise Over(field="offer")
        return row

    async def _look(
        self, residents: Sequence[Pseudonym], wish: Wish, now: datetime, out: Counter[Out], wanting: list[_Wanting]
    ) -> None:
        row = self._row(wish.offer, now)
        for resident, sealed in zip(residents, await self._online.sealed_many(residents), strict=True):
            consents = sealed.consents or await self._ledger.consents(resident)
            if not _allowed(consents, wish.purposes, now):
                out[Out.NO_CONSENT] += 1
                continue
            its = known(sealed, consents, now)
            judged = self._judged(its, row, wish.top, now)
            if isinstance(judged, Out):
                out[judged] += 1
            else:
                wanting.append(_Wanting(*judged, _language(its), resident))

    def _judged(self, its: Known, row: int, top: int, now: datetime) -> Out | tuple[int, float]:
        """Return the place that an offer has among somebody's suggestions, and how far it is below the first."""
        request, ranked = self._suggester.ranked(its, Query(limit=top), now)
        if not len(request.slots):
            return Out.NOTHING_KNOWN
        (found,) = np.nonzero(ranked.rows == row)
        if len(found):
            return int(found[0]), float(ranked.scores[0] - ranked.scores[found[0]])
        return self._reason(request, row, now)

    def _reason(self, request: Request, row: int, now: datetime) -> Out:
        columns = self._catalogue.live(now).columns
        if row in request.closed:
            return Out.SETTLED
        if np.isin(columns.slots[row], request.never).any():
            return Out.AVOIDED
        return _misfit(int(columns.traits[row]), int(columns.languages[row]), request.filters) or Out.BETTER

    async def _still(
        self, some: Sequence[_Wanting], wish: Wish, clock: Callable[[], datetime]
    ) -> AsyncIterator[_Wanting]:
        """Yield those who allow it still."""
        states = await self._online.sealed_many([one.resident for one in some])
        for one, sealed in zip(some, states, strict=True):
            consents = sealed.consents or await self._ledger.consents(one.resident)
            if _allowed(consents, wish.purposes, clock()):
                yield one


def _allowed(consents: Consents, marketing: Iterable[Purpose], now: datetime) -> bool:
    """Say whether somebody lets the city speak to them of it, and look for what suits them."""
    spoken = any(isinstance(consents.permit(purpose, now), Permit) for purpose in marketing)
    looked = (consents.permit(purpose, now) for purpose in (Purpose.ACTIVITY, Purpose.INTERESTS))
    return spoken and any(isinstance(answer, Permit) for answer in looked)


def _language(its: Known) -> str:
    if not its.interests.languages:
        return UNKNOWN_LANGUAGE
    return first if (first := its.interests.languages[0]) in LANGUAGES else OTHER_LANGUAGE


def _some(many: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield a few at a time."""
    return (many[first : first + _AT_ONCE] for first in range(0, len(many), _AT_ONCE))


def _misfit(traits: int, languages: int, asked: Filters) -> Out | None:
    """Say what of somebody an offer does not fit, as `engine.kernels.suit` decides it; None where all fits."""
    lowest, highest = traits >> Trait.AGE_MIN & OLDEST, traits >> Trait.AGE_MAX
    if lowest > asked.oldest or highest < asked.youngest:
        return Out.AGE
    spoken = not asked.languages or languages & asked.languages
    return None if spoken and traits & asked.needs == asked.needs else Out.UNFIT
