"""Synthetic residents and a recommender in a closed loop: what is shown decides what is done, and that what is learned.

For tests of learning, exposure and exploration. All of it is synthetic (`models.simulation`): residents look more at
what stands first, tire of what they saw, and choose by their known tastes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from engine.events import InteractionType
from engine.offers import Offer
from models import impressions
from models.content import Content
from models.context import Setting
from models.exploration import Belief, explore
from models.item import item
from models.lessons import Past
from models.matrix import Interactions
from models.popular import Popularity
from models.recommender import Recommender
from models.simulation import SHOWN, day
from models.splits import Numbers
from models.synthetic import SimulatedResident
from models.text import MOST_KEPT, TextSpace

CHOICES = frozenset({InteractionType.SAVE, InteractionType.SHARE, InteractionType.REGISTER, InteractionType.ATTEND})
"""What counts as a choice here: a synthetic resident opens nearly anything now and then."""
PLACE = 4
"""Where a new offer is tried: in sight, and not first."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One offer as it was shown in one visit.

    Attributes
    ----------
    place
        From 1.
    propensity
        The probability with which this offer was shown there; 1 where nothing was left to chance.
    """

    person: int
    offer: int
    place: int
    propensity: float = 1.0
    chosen: bool = False


Shown = Sequence[Slot]
Shows = Callable[[int, datetime], Shown]
"""From a person's number and the moment to what they are shown, best first."""


@dataclass(slots=True)
class Town:
    """Synthetic residents, a catalogue, and everything that was shown and chosen so far.

    Attributes
    ----------
    counts
        The acts that count as a choice.
    there
        Numbers of the offers that are published: only they are found, and may be shown.
    log
        Every slot that was shown.
    now
        When the next day of the town begins; timezone-aware.
    """

    people: Sequence[SimulatedResident]
    offers: Sequence[Offer]
    now: datetime
    seed: int
    counts: frozenset[InteractionType] = CHOICES
    there: Numbers = field(init=False)
    log: list[Slot] = field(default_factory=list)
    _chosen: list[tuple[int, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.there = np.arange(len(self.offers), dtype=np.int32)

    def choices(self) -> Interactions:
        """Return who chose what, and when."""
        people, offers, times = zip(*self._chosen, strict=True) if self._chosen else ((), (), ())
        return Interactions.of(people, offers, times)

    def live(self, days: int, shows: Shows | None = None) -> list[Slot]:
        """Let some days pass and return what was shown in them; without `shows` residents look around by themselves."""
        shown = [slot for _ in range(days) for slot in self._day(shows)]
        self.log += shown
        return shown

    def _day(self, shows: Shows | None) -> Iterator[Slot]:
        self.now += timedelta(days=1)
        who = {resident.id: number for number, resident in enumerate(self.people)}
        numbers = {offer.id: number for number, offer in enumerate(self.offers)}
        lists = list[list[Slot]]()

        def offered(resident: SimulatedResident, time: datetime) -> list[Offer]:
            lists.append(list(shows(who[resident.id], time)) if shows else [])
            return [self.offers[slot.offer] for slot in lists[-1]]

        found = [self.offers[number] for number in self.there]
        visits = day(self.people, found, now=self.now, seed=self.seed, offered=offered if shows else None)
        followed = dict[int, set[int]]()
        for resident, visit in visits:
            done = [(numbers[act.offer], act.time.timestamp()) for act in visit if act.type in self.counts]
            self._chosen += [(who[resident.id], offer, time) for offer, time in done]
            followed[len(lists) - 1] = {offer for offer, _ in done}
        for number, slots in enumerate(lists):
            chosen = followed.get(number, set())
            yield from (Slot(s.person, s.offer, s.place, s.propensity, s.offer in chosen) for s in slots)


@dataclass(frozen=True, slots=True)
class Learner:
    """What learns from a town's choices: content of its catalogue is read once."""

    content: Content
    setting: Setting
    horizon: float

    @classmethod
    def of(cls, town: Town, horizon: float) -> "Learner":
        """Return a learner of a town; `horizon` in seconds (`models.lessons.Past`)."""
        items = [item(offer) for offer in town.offers]
        setting = Setting.of(items)
        facets = {attribute.name: attribute.members for attribute in setting.attributes}
        return cls(Content.of(TextSpace.fit_transform(items, MOST_KEPT)[1], facets), setting, horizon)

    def recommender(self, town: Town, shown: impressions.Shown | None = None) -> Recommender:
        """Return what is learned from all choices so far and, where it is told, from what was shown."""
        past = Past(town.choices(), len(town.people), self.content, self.setting, self.horizon, town.seed, shown=shown)
        return Recommender.fit(past, town.now.timestamp(), town.there)

    def learned(self, town: Town) -> Shows:
        """Return what the recommender shows everybody after learning from all choices so far."""
        recommender = self.recommender(town)
        lists = dict(recommender.rank(np.arange(len(town.people)), town.there, most=SHOWN))
        return lambda person, _: placed(person, lists[person])


def popular(town: Town) -> Shows:
    """Return what was chosen most so far, for everybody the same but for what they chose themselves."""
    choices, at = town.choices(), town.now.timestamp()
    counts = Popularity.fit(choices, len(town.offers), at).counts[town.there]
    best = town.there[np.argsort(-counts, kind="stable")]
    had = choices.matrix(len(town.people), len(town.offers)).toarray() > 0
    return lambda person, _: placed(person, best[~had[person, best]][:SHOWN])


def exploring(shows: Shows, new: Numbers, beliefs: Callable[[], Belief], rng: Generator, place: int = PLACE) -> Shows:
    """Return the same lists with one place given to a new offer by Thompson sampling; its propensity is told.

    Parameters
    ----------
    new
        Numbers of the offers that are tried.
    beliefs
        What is known of them at the moment, in the order of `new`.
    """

    def shown(person: int, time: datetime) -> list[Slot]:
        found = explore(beliefs(), rng)
        tried = Slot(person, int(new[found.action]), place, found.propensity)
        rest = [slot for slot in shows(person, time) if slot.offer != tried.offer]
        listed = [*rest[: place - 1], tried, *rest[place - 1 :]][:SHOWN]
        return [replace(slot, place=at) for at, slot in enumerate(listed, 1)]

    return shown


def placed(person: int, offers: NDArray[np.integer]) -> list[Slot]:
    """Return offers as slots, the first of them at place 1."""
    return [Slot(person, int(offer), place) for place, offer in enumerate(offers, 1)]
