"""What to suggest to whom: permits, then eligible offers ranked, varied and explained.

What is used of a resident is asked for at the moment of use, and each permit opens its own part:

=============  ======================================================================================================
permit         opens
=============  ======================================================================================================
``activity``   the taste (`engine.taste`), what was looked at a moment ago, and which offers are settled
``interests``  stated keywords and kinds; stated languages, access needs and birth year, as filters; what is avoided
``location``   with ``activity``, what the taste knows of places; with ``interests``, the stated districts
=============  ======================================================================================================

Families of reasons that the resident has turned off (`engine.choices`) count nowhere, and so no reason speaks of them.
A point in the request (`Query.near`) needs none: it is used for this answer and kept nowhere. Where nothing may be
used, or nothing can be read, the answer is what is popular here and now, and says so.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from secrets import token_hex
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine import learned, ranking, telemetry
from engine.answer import Basis, Item, Pick, Suggestions
from engine.catalogue import Catalogue, Live
from engine.choices import POPULAR, left_out
from engine.consent import Consents, Purpose
from engine.districts import Divisions
from engine.errors import StoreUnavailable
from engine.events import Chance, Impression, Interaction, InteractionType, Pseudonym
from engine.explanation import Asked, Explainer, with_marks
from engine.exposure import lowered
from engine.folding import Observation, fold
from engine.known import NOTHING, Known, SealedState, known, without_permit
from engine.language import Localized
from engine.novelty import Novelty, Tried
from engine.offers import Kind, Offer
from engine.panel import Seated
from engine.profile import (
    NOTHING_AVOIDED,
    NOTHING_LEARNED,
    Leaning,
    Learned,
    from_avoided,
    from_interests,
    from_offer,
    from_taste,
    joined,
)
from engine.query import Query, filters, fit, of_age, with_interests
from engine.ranking import NO_DIRECTION, Filters, Ranked, Request, Spread, Weights, beside, pinned_first, rank, reranked
from engine.reasons import Reason
from engine.residents import Interests
from engine.session import with_session
from engine.steering import Steered, Steering
from engine.taste import START, Taste, features, key
from engine.trial import Lots


class Manner(NamedTuple):
    """How offers are weighed and spread."""

    weights: Weights
    spread: Spread

    def without(self, off: frozenset[str]) -> "Manner":
        """Return the manner of somebody who has turned families of reasons off."""
        return self._replace(weights=self.weights._replace(popularity=0.0)) if POPULAR in off else self


VALID_FOR = timedelta(minutes=5)
_VALID_MINUTES = VALID_FOR // timedelta(minutes=1) + 1
OPEN = Manner(Weights(popularity=0.30, near=0.25, soon=0.20, unknown=0.10), Spread(topic=0.5, place=0.25, kind=0.25))
"""For a resident of whom nothing may be used."""
OWN = Manner(Weights(popularity=0.10, near=0.20, soon=0.08, unknown=0.10), Spread(topic=0.4, place=0.2, kind=0.2))
"""For a resident whose interests lead."""
ALIKE = Manner(Weights(popularity=0.05, near=0.10, soon=0.05, unknown=0.10), Spread(topic=0.1, place=0.2, kind=0.1))
"""For offers like one: they are to be on the same topic."""

CLOSER_LOOK = 64
"""How many of the first stage's best a model is asked about."""
OPINION = np.float32(0.25)
"""How much a model's opinion, in log-odds, counts beside the first stage's score."""

# A counter is found by its labels at the cost of a dozen reads of a dictionary: once for each is enough.
_suggestions = cache(telemetry.SUGGESTIONS.labels)


class OnlineState(Protocol):
    """Where the state is fetched (`engine.online.Online`)."""

    async def sealed(self, resident: Pseudonym) -> SealedState:
        """Fetch one resident's state in one round trip."""

    async def sealed_many(self, residents: Sequence[Pseudonym]) -> Sequence[SealedState]:
        """Fetch the state of several residents in one round trip, in the order given."""


class Ledger(Protocol):
    """What knows consents that the online state does not hold (`engine.ledger.ConsentLedger`)."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""


class Suggester:
    """Answers with suggestions.

    Parameters
    ----------
    catalogue
        The offers.
    online, ledger
        Where residents' state comes from.
    divisions
        The names of areas, for reasons.
    new_id
        Makes the id of an answer.
    steering
        What the city puts beside the ranking.
    novelty
        Tries new offers.
    lots
        Draws whom a model on trial answers; nobody without.
    """

    def __init__(  # noqa: PLR0913 - the parts are what it is made of
        self,
        catalogue: Catalogue,
        online: OnlineState,
        ledger: Ledger,
        divisions: Divisions | None = None,
        new_id: Callable[[], str] = lambda: token_hex(16),
        *,
        steering: Steering | None = None,
        novelty: Novelty | None = None,
        lots: Lots | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._online = online
        self._ledger = ledger
        self._explainer = Explainer(catalogue.vocabulary, divisions or Divisions())
        self._new_id = new_id
        self._steering = steering
        self._novelty = novelty
        self._lots = lots

    def warm_up(self, now: datetime) -> None:
        """Have all that an answer needs compiled before anybody asks: half a minute once on a machine, then on disk."""
        scratch, offer = Catalogue(), Offer(id="warm-up", source="warm-up", kind=Kind.SPACE, name=Localized())
        scratch.apply({offer.id: offer})
        Suggester(scratch, self._online, self._ledger).similar(offer, Query(), now)
        live, packed = scratch.live(now), Taste().pack()
        learned.chosen(np.frombuffer(packed, np.uint8), learned.Extent(START, 0, 0))
        pinned = Steered(None, np.zeros(1, np.float32), (0,))
        leaning = from_offer(offer, live)
        asked = Request(Filters(), OPEN.weights, leaning.slots, leaning.adds, steered=pinned)
        ranking.warm_up(live, asked, OPEN.spread)
        look = Interaction("warm-up", offer.id, InteractionType.OPEN, now)
        taste = fold(Taste(), [Observation(look, offer.kind, features(offer))], located=False).pack()
        known = Known(taste, Interests(), located=False)
        _learned(known, scratch, now, known.off)

    async def suggestions(self, resident: Pseudonym | None, query: Query, now: datetime) -> Suggestions:
        """Return what to suggest to a resident, or, with no resident, to anybody."""
        return (await self.shown(resident, query, now))[0]

    async def shown(
        self, resident: Pseudonym | None, query: Query, now: datetime
    ) -> tuple[Suggestions, Impression | None]:
        """Return what to suggest, and the record of it where the resident lets it be kept."""
        known = NOTHING if resident is None else await self._known(resident, now)
        basis, plan = self._planned(known, query, now)
        answer, chance = self._made(basis, plan, now, told=known.record is not None)
        return answer, answer.impression(chance, plan.model, known.record)

    async def picks(
        self, residents: Sequence[Pseudonym], query: Query, now: datetime
    ) -> list[tuple[Basis, list[Pick]]]:
        """Return what messages to some residents show, as `suggestions` would, and nothing is kept of it.

        Raises
        ------
        StoreUnavailable
            The state cannot be read: ask again.
        """
        found = []
        for resident, sealed in zip(residents, await self._online.sealed_many(residents), strict=True):
            consents = sealed.consents or await self._ledger.consents(resident)
            found.append(self._picked(known(sealed, consents, now), query, now))
        return found

    def _picked(self, known: Known, query: Query, now: datetime) -> tuple[Basis, list[Pick]]:
        basis, plan = self._planned(known, query, now)
        live = self._catalogue.live(now)
        request = self._request(live, plan, now)
        shown, moved = _ranked(live, request, plan)
        reasons = self._why(live, request, plan, shown, moved, now)
        if request.steered is not None and len(request.steered.marks):
            reasons = with_marks(reasons, Tried(shown).marked(request.steered), query.language)
        rows = shown.rows.tolist()
        if self._steering is not None:
            self._steering.showed(live, rows)
        _suggestions(basis).inc()
        return basis, [Pick(live.ids[row], its[0].text if its else "") for row, its in zip(rows, reasons, strict=True)]

    def _planned(self, known: Known, query: Query, now: datetime) -> tuple[Basis, "_Plan"]:
        """Return what the answer is made from where so much may be used."""
        told, birth_year = with_interests(query, known.interests, now)
        live = self._catalogue.live(now)
        out = left_out(known.off) if known.off else known.off
        taught, settled, chosen = _learned(known, self._catalogue, now, out)
        stated = from_interests(known.interests, live, located=known.located, without=out)
        never = from_avoided(known.interests.avoided, live, kinds=not query.kinds)
        filtered = told != query or birth_year is not None or len(never) > 0
        basis: Basis = "popular"
        if len(taught.slots):
            basis = "personal"
        elif len(stated.slots) or filtered:
            basis = "stated"
        manner = (OPEN if basis == "popular" else OWN).without(known.off)
        closed = self._catalogue.rows(settled.tolist())
        facing, model = live.panel.asked(known, chosen, self._lots, now)
        query = of_age(told, known.born, now)
        return basis, _Plan(query, manner, birth_year, [taught, stated], closed, never, facing, model)

    def popular(self, query: Query, now: datetime, *, counted: bool = True) -> Suggestions:
        """Return what is popular here and now; of nobody's doing in particular.

        Parameters
        ----------
        counted
            Whether it counts as shown: not where nobody may ever look at it.
        """
        return self._made("popular", _Plan(query, OPEN), now, counted=counted)[0]

    def chosen(self, query: Query, interests: Interests, now: datetime) -> Suggestions:
        """Return what suits what is chosen now, whoever asks: nobody is known, and nothing is kept."""
        leaning = from_interests(interests, self._catalogue.live(now), located=True)
        if not len(leaning.slots):
            return self.popular(query, now)
        return self._made("stated", _Plan(query, OWN, None, [leaning]), now)[0]

    def similar(self, offer: Offer, query: Query, now: datetime) -> Suggestions:
        """Return offers like one that need not be in the catalogue, none of its own series."""
        live = self._catalogue.live(now)
        leaning = from_offer(offer, live)
        series = self._catalogue.vocabulary.series_number(offer.series)
        closed = live.rows[live.columns.series[live.rows] == series].tolist() if series else []
        if (row := self._catalogue.row(key(offer.id))) is not None:
            closed.append(row)
        return self._made("similar", _Plan(query, ALIKE, None, [leaning], closed), now)[0]

    async def _known(self, resident: Pseudonym, now: datetime) -> Known:
        """Return what may be used; nothing where nothing can be read."""
        try:
            sealed = await self._online.sealed(resident)
            consents = sealed.consents or await self._ledger.consents(resident)
        except StoreUnavailable:
            without_permit(Purpose.ACTIVITY, "unreadable").inc()
            return NOTHING
        return known(sealed, consents, now)

    def ranked(self, its: Known, query: Query, now: datetime) -> tuple[Request, Ranked]:
        """Return what is asked for where so much may be used, and the best of it, apart from what the city steers."""
        _, plan = self._planned(its, query, now)
        live = self._catalogue.live(now)
        request = self._request(live, plan, now)._replace(steered=None)
        return request, rank(live, request, query.limit, plan.manner.spread)

    def _made(
        self, basis: Basis, plan: "_Plan", now: datetime, *, told: bool = False, counted: bool = True
    ) -> tuple[Suggestions, Chance | None]:
        """Make an answer in steps: what is asked, what is ranked, why, and how it is told; with what chance had a part.

        Parameters
        ----------
        told
            Whether the chance is kept.
        counted
            Whether it counts as shown.
        """
        live, query = self._catalogue.live(now), plan.query
        request = self._request(live, plan, now)
        shown, moved = _ranked(live, request, plan)
        tried = Tried(shown)
        if self._novelty is not None and plan.manner is not ALIKE:
            tried = self._novelty.tried(live, request, shown, query.limit, told=told)
            shown, moved = tried.ranked, tried.beside(moved)
        reasons = self._why(live, request, plan, shown, moved, now)
        if request.steered is not None and (tried.new or len(request.steered.marks)):
            reasons = with_marks(reasons, tried.marked(request.steered), query.language)
        rows = shown.rows.tolist()
        if counted and self._steering is not None:
            self._steering.showed(live, rows)
        cards = map(msgspec.Raw, live.cards.many(rows))
        parts = zip(cards, reasons, fit(live, shown.rows, request.filters), strict=True)
        items = [Item(n, *part) for n, part in enumerate(parts, 1)]
        _suggestions(basis).inc()
        told_of = Suggestions(self._new_id(), basis, now, _valid_until(live, shown, now), tuple(items))
        return told_of, tried.chance

    def _why(  # noqa: PLR0913 - what a reason is found from
        self,
        live: Live,
        request: Request,
        plan: "_Plan",
        shown: Ranked,
        moved: NDArray[np.float32] | None,
        now: datetime,
    ) -> list[tuple[Reason, ...]]:
        """Return why each is shown, what counted most first."""
        asked = Asked(live, request.filters, request.weights, plan.query.free, plan.query.language, now)
        return self._explainer.reasons(asked, plan.leanings, shown, moved)

    def _request(self, live: Live, plan: "_Plan", now: datetime) -> Request:
        """Return what is asked of the first stage."""
        slots, adds = joined(plan.leanings)
        steered = None if self._steering is None else self._steering.steered(plan.query.scenario, live)
        if steered is not None and plan.manner is ALIKE:
            steered = steered._replace(pinned=())  # nothing is like another thing by being pinned
        return Request(
            filters=filters(plan.query, plan.birth_year, self._catalogue.vocabulary, now),
            weights=plan.manner.weights,
            slots=slots,
            adds=adds,
            closed=plan.closed,
            never=plan.never,
            direction=NO_DIRECTION if plan.facing is None else plan.facing.direction,
            steered=steered,
        )


class _Plan(NamedTuple):
    """What an answer is made from."""

    query: Query
    manner: Manner
    birth_year: int | None = None
    leanings: Sequence[Leaning] = ()
    closed: Sequence[int] = ()
    never: NDArray[np.int32] = NOTHING_AVOIDED
    facing: Seated | None = None
    model: str | None = None


def _ranked(live: Live, request: Request, plan: _Plan) -> tuple[Ranked, NDArray[np.float32] | None]:
    """Return the offers to show, and what a model's opinion of each rests on, where one was asked."""
    most, spread = plan.query.limit, plan.manner.spread
    if plan.facing is None:
        return pinned_first(live, request, rank(live, request, most, spread), most), None
    pool = rank(live, request, max(CLOSER_LOOK, most))
    if not len(pool.rows):
        return pool, None
    opinions = plan.facing.opinions(live.columns.number[pool.rows], live.columns.seats[pool.rows])
    scores = pool.scores + OPINION * opinions.scores
    weighed = pool._replace(scores=_shared(request, plan.facing.sharing, pool.rows, scores))
    best, places = reranked(live, request, weighed, most, spread)
    shown, parts = pinned_first(live, request, best, most), OPINION * opinions.parts
    return shown, parts[places] if shown is best else beside(shown, pool, parts)


def _shared(
    request: Request, strength: float, rows: NDArray[np.uint32], scores: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return scores with which exposure is shared out, as strongly as the model asks for."""
    if strength <= 0 or request.steered is None or not len(request.steered.crowded) or not len(rows):
        return scores
    return lowered(scores, request.steered.crowded[rows], strength)


def _learned(known: Known, catalogue: Catalogue, now: datetime, without: frozenset[str]) -> Learned:
    """Return what the taste tells and the last minutes add.

    A taste in a form of another version is about to be made anew, and tells nothing.
    """
    if known.taste is None:
        return NOTHING_LEARNED
    try:
        live, located = catalogue.live(now), known.located
        taught = from_taste(known.taste, live, now, located=located, without=without)
        leaning = with_session(taught.leaning, known.taste, catalogue, now, located=located, without=without)
        return taught._replace(leaning=leaning)
    except ValueError:
        return NOTHING_LEARNED


def _valid_until(live: Live, shown: Ranked, now: datetime) -> datetime:
    """Return when the answer is stale: soon, and not after any of its offers is over or closed."""
    latest, ends = now + VALID_FOR, live.columns.until[shown.rows].tolist()
    if not ends or (earliest := min(ends)) >= live.minute + _VALID_MINUTES:
        return latest
    return min(latest, max(now, datetime.fromtimestamp(earliest * 60, UTC)))
