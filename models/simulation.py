"""A day of synthetic residents: who opens the app when, what they look at, and what they do with it.

Everything here is made up by a seeded generator and says so: ids come from one namespace of their own, and every
interaction carries ``synthetic`` in its context. Behaviour follows the known relevance (`models.synthetic`), bent by
what bends real behaviour: what stands first is looked at more, what was seen before less, and one tires and leaves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid5
from zoneinfo import ZoneInfo

import numpy as np
from numpy.random import Generator

from engine.events import Context, Interaction, InteractionType
from engine.offers import Kind, Offer, enrollable, live
from models.synthetic import NAMESPACE, Shelf, SimulatedResident, relevance, residents

__all__ = ["Offered", "SimulatedResident", "day", "relevance", "residents"]

Offered = Callable[[SimulatedResident, datetime], Sequence[Offer]]
"""What a resident is shown at a moment, best first: a recommender in a closed loop."""

HOURS = (2, 1, 1, 1, 1, 3, 9, 20, 28, 22, 20, 22, 28, 24, 20, 22, 28, 36, 42, 48, 52, 46, 28, 9)
"""How many of a day's visits begin in each hour of Helsinki's clock, from midnight; only their ratios count."""
SHOWN = 20
MOST_MINUTES, LAST_LOOK_MINUTES = 15, 9
"""A visit is over after this long at the latest: no new look after 9 minutes, and one takes 6 interactions at most."""
CHOICE = 9.0
"""How sharply one's own search follows taste, distance and what is popular, against chance."""
FATIGUE = 0.45
"""What is left of the interest in an offer each time it was seen before on the same day."""
SETTLED_LOOKS = 20
"""What is saved, taken or put away counts as seen this often: one may look again, but hardly does anything more."""
PATIENCE = 0.90
"""The chance to look further after each offer looked at."""

_HELSINKI = ZoneInfo("Europe/Helsinki")
_SETTLING = (InteractionType.SAVE, InteractionType.REGISTER, InteractionType.DISMISS)
_Find = tuple[Offer, float]
"""An offer that is shown, and how relevant it truly is."""


@dataclass(slots=True)
class _Visit:
    """One visit as it goes on: `seen` counts the looks of the whole day by offer id."""

    resident: SimulatedResident
    time: datetime
    rng: Generator
    seen: dict[str, int]
    done: list[Interaction] = field(default_factory=list)

    def add(self, type_: InteractionType, offer: Offer, value: int | None = None) -> None:
        """Note an interaction, some seconds and at most a minute after the one before."""
        self.time += timedelta(seconds=min(2.0 + self.rng.exponential(10.0), 60.0))
        own_id = uuid5(NAMESPACE, f"{self.resident.id}/{self.time.isoformat()}/{offer.id}/{type_}")
        context: Context = {"synthetic": True}
        if type_ in _SETTLING:
            self.seen[offer.id] = SETTLED_LOOKS
        self.done.append(Interaction(str(own_id), offer.id, type_, self.time, value=value, context=context))


def day(
    people: Sequence[SimulatedResident],
    offers: Sequence[Offer],
    *,
    now: datetime,
    seed: int,
    offered: Offered | None = None,
) -> Iterator[tuple[SimulatedResident, list[Interaction]]]:
    """Yield what synthetic residents do in the 24 hours before `now`, a visit at a time, earliest first.

    Parameters
    ----------
    people
        From `residents`; consent or not, they all act: what may be kept is for the intake to decide.
    now
        Nothing happens after it. Timezone-aware.
    offered
        What each is shown; by default they look for themselves, by taste, distance and popularity.
    """
    rng = np.random.default_rng([seed, int(now.timestamp())])
    shelf = Shelf([offer for offer in offers if live(offer, now - timedelta(days=1))])
    begins = sorted(_begins(people, now, rng), key=lambda begin: begin[0])
    seen: dict[int, dict[str, int]] = {}
    for time, number in begins if shelf.offers else ():
        visit = _Visit(people[number], time, rng, seen.setdefault(number, {}))
        finds = _read(visit, offered(visit.resident, time)) if offered else _look_around(visit, shelf)
        if done := _act(visit, finds):
            yield visit.resident, done


def _begins(people: Sequence[SimulatedResident], now: datetime, rng: Generator) -> Iterator[tuple[datetime, int]]:
    """Yield the begin of every visit and the number of who makes it: a quarter of an hour to 24 hours before `now`."""
    last = now.astimezone(UTC) - timedelta(minutes=MOST_MINUTES)
    hours = [last - timedelta(hours=hour) for hour in range(24)]
    weights = np.array([HOURS[hour.astimezone(_HELSINKI).hour] for hour in hours], dtype=np.float64)
    for number, resident in enumerate(people):
        for choice in rng.choice(24, rng.poisson(resident.visits_a_day), p=weights / weights.sum()):
            yield hours[choice] - timedelta(seconds=float(rng.uniform(0, 2_700))), number


def _look_around(visit: _Visit, shelf: Shelf) -> list[_Find]:
    """Return what the resident finds without a recommender, best first."""
    liking = shelf.relevance(visit.resident)
    found = 0.7 * liking + 0.1 * shelf.nearness(visit.resident) + 0.2 * shelf.popularity
    order = np.argsort(-(CHOICE * found + visit.rng.gumbel(size=len(liking))))
    return [(shelf.offers[n], liking[n]) for n in order[:SHOWN]]


def _read(visit: _Visit, shown: Sequence[Offer]) -> list[_Find]:
    """Return what a recommender shows, in its order."""
    return list(zip(shown, Shelf(shown).relevance(visit.resident), strict=True)) if shown else []


def _act(visit: _Visit, finds: Sequence[_Find]) -> list[Interaction]:
    """Let the resident go through what is shown, from the top."""
    end = visit.time + timedelta(minutes=LAST_LOOK_MINUTES)
    for place, (offer, liking) in enumerate(finds, start=1):
        if visit.rng.random() > place**-0.35:
            continue
        looks = visit.seen.get(offer.id, 0)
        visit.seen[offer.id] = looks + 1
        _look(visit, offer, float(liking) * FATIGUE**looks)
        if visit.rng.random() > PATIENCE or visit.time > end:
            break
    return visit.done


def _look(visit: _Visit, offer: Offer, liking: float) -> None:
    """Let the resident look at one offer and perhaps do something with it."""
    visit.add(InteractionType.VIEW, offer)
    chance = visit.rng.random
    if chance() < 0.03 * (1 - liking) ** 4:
        visit.add(InteractionType.DISMISS, offer)
        return
    if chance() > 0.08 + 0.85 * liking:
        return
    visit.add(InteractionType.OPEN, offer)
    if chance() < 0.75 * liking:
        visit.add(InteractionType.SAVE, offer)
    if chance() < 0.10 * liking:
        visit.add(InteractionType.SHARE, offer)
    if _enrols(offer, visit.time) and chance() < 0.35 * liking:
        visit.add(InteractionType.REGISTER, offer)
    if _has_been_there(offer, visit.time) and chance() < 0.5 * liking:
        _tell(visit, offer, liking)


def _tell(visit: _Visit, offer: Offer, liking: float) -> None:
    """Let the resident say they were there, and perhaps how it was."""
    visit.add(InteractionType.ATTEND, offer)
    if visit.rng.random() < 0.4:  # noqa: PLR2004 - how many rate what they attended
        stars = np.clip(round(2.6 + 2.4 * liking + visit.rng.normal(0, 0.7)), 1, 5)
        visit.add(InteractionType.RATE, offer, value=int(stars))


def _enrols(offer: Offer, time: datetime) -> bool:
    counted = offer.kind in (Kind.COURSE, Kind.VOLUNTEERING) or offer.seats is not None
    return counted and enrollable(offer, time) and (offer.enrolment_opens is None or offer.enrolment_opens <= time)


def _has_been_there(offer: Offer, time: datetime) -> bool:
    """Say whether one may have visited it by `time`: a space, a running exhibition, or a date in the day before."""
    if offer.starts is None or (offer.ongoing and offer.starts <= time):
        return True
    return any(time - timedelta(days=1) <= (date.ends or date.starts) <= time for date in offer.dates)
