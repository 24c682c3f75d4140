"""Synthetic residents whose tastes are known: made up by a seeded generator, after no real person.

A resident likes what three to five offers of the catalogue are about, more for rare subjects than for common ones, and
lives near one of its places. So every offer has a true relevance for every resident, and a test may ask whether what
Vinkki suggests has it too. Shares (families, languages, needs, consents) are rough guesses at a city's, not statistics.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid5
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.offers import Access, Kind, Offer, Place

NAMESPACE = uuid5(UUID(int=0), "synthetic residents of Vinkki")
OTHER_LANGUAGES = ("sv", "ru", "et", "so", "en", "ar", "uk", "es")
OTHER_SHARES = (0.28, 0.16, 0.10, 0.10, 0.14, 0.10, 0.08, 0.04)
FINNISH_SPEAKERS = 0.78
CONSENTS = {"interests": 0.5, "location": 0.35, "learning": 0.55, "measurement": 0.5}
"""How many of those who allow `activity` allow each of the others too."""
ACTIVITY_CONSENT = 0.7
MISFIT = 0.1
"""What is left of an offer's relevance where age, language or access do not fit."""
UNKNOWN_ACCESS = 0.6
HOME_SPREAD_METRES = 1_200.0
METRES_A_DEGREE = 111_195.0
_KINDS = tuple(Kind)
_COS_HELSINKI = math.cos(math.radians(60.2))

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedResident:
    """A synthetic resident.

    Attributes
    ----------
    tastes
        YSO id -> weight; the weights that an offer's keywords find here add up to how much it is to their liking.
    kinds
        Kind -> factor, 0.4-1.
    home
        Latitude and longitude in degrees; `district` and `neighborhood` are the OCD ids around.
    children
        Ages in years, for whom one also looks.
    reach_metres
        The distance at which an offer has lost most of what distance can take.
    visits_a_day
        How often one opens the app, on average.
    """

    id: UUID
    tastes: Mapping[str, float] = field(hash=False)
    kinds: Mapping[Kind, float] = field(hash=False)
    home: tuple[float, float]
    district: str | None
    neighborhood: str | None
    languages: tuple[str, ...]
    age: int
    children: tuple[int, ...]
    access: frozenset[Access]
    reach_metres: float
    visits_a_day: float
    consents: frozenset[str]

    @property
    def interests(self) -> tuple[str, ...]:
        """The five subjects they would name if asked."""
        return tuple(sorted(self.tastes, key=lambda concept: -self.tastes[concept])[:5])


def residents(n: int, seed: int, offers: Sequence[Offer]) -> list[SimulatedResident]:
    """Return `n` synthetic residents; the same for the same seed and catalogue.

    Raises
    ------
    ValueError
        No offer has keywords, or none has a point: there is nothing to make tastes or homes from.
    """
    town = _Town.of(offers)
    rng = np.random.default_rng([seed, n])
    return [_resident(uuid5(NAMESPACE, f"{seed}/{number}"), town, rng) for number in range(n)]


def relevance(resident: SimulatedResident, offer: Offer) -> float:
    """Return how much an offer is truly to a resident's liking, 0-1."""
    return float(Shelf([offer]).relevance(resident)[0])


class Shelf:
    """Offers laid out for fast answers about all of them at once; arrays are in the order of `offers`.

    Parameters
    ----------
    offers
        Any offers; those without a point are taken to be near everybody.

    Attributes
    ----------
    popularity
        How much each offer is talked of, 0-1, of shape (offers,): few a lot, most hardly; by id, so the same every day.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = tuple(offers)
        self._columns = {concept: n for n, concept in enumerate(dict.fromkeys(_concepts(offers)))}
        self._subjects = _matrix(offers, self._columns)
        self._kinds = np.array([_KINDS.index(offer.kind) for offer in offers], dtype=np.intp)
        self._ages = _ages(offers)
        self._spoken = {code: np.array([code in o.languages for o in offers]) for o in offers for code in o.languages}
        self._silent = np.array([not offer.languages for offer in offers])
        points = [(o.place.lat, o.place.lon) if o.place else (None, None) for o in offers]
        self._points = np.array(points, dtype=np.float64).reshape(-1, 2)
        self.popularity: Vector = np.array([(crc32(offer.id.encode()) / 2**32) ** 3 for offer in offers])

    def relevance(self, resident: SimulatedResident) -> Vector:
        """Return the true relevance of each offer, 0-1, of shape (offers,)."""
        tastes = np.zeros(len(self._columns))
        for concept, weight in resident.tastes.items():
            if (column := self._columns.get(concept)) is not None:
                tastes[column] = weight
        kinds = np.array([resident.kinds[kind] for kind in _KINDS])[self._kinds]
        liking = np.minimum(self._subjects @ tastes, 1.0)
        return np.asarray(liking * kinds * self.nearness(resident) * self._fit(resident))

    def nearness(self, resident: SimulatedResident) -> Vector:
        """Return 1 at the door down to 0.35 far away, of shape (offers,)."""
        north, east = (self._points - resident.home).T * METRES_A_DEGREE
        metres = np.nan_to_num(np.hypot(north, east * _COS_HELSINKI), nan=0.0)
        return np.asarray(0.35 + 0.65 * np.exp(-metres / resident.reach_metres))

    def _fit(self, resident: SimulatedResident) -> Vector:
        aged = _of_age(self._ages, (resident.age, *resident.children))
        heard = [self._spoken[code] for code in resident.languages if code in self._spoken]
        spoken = np.logical_or.reduce([self._silent, *heard])
        able = np.array([_able(resident.access, o.access) for o in self.offers]) if resident.access else 1.0
        return np.asarray(np.where(aged, 1.0, MISFIT) * np.where(spoken, 1.0, MISFIT) * able)


def _concepts(offers: Sequence[Offer]) -> Iterator[str]:
    return (keyword.id for offer in offers for keyword in offer.keywords)


def _matrix(offers: Sequence[Offer], columns: Mapping[str, int]) -> csr_array:
    """Return a matrix of shape (offers, concepts) with 1 where an offer is about a concept."""
    rows = [n for n, offer in enumerate(offers) for _ in offer.keywords]
    cells = (np.ones(len(rows)), (rows, [columns[concept] for concept in _concepts(offers)]))
    return csr_array(cells, shape=(len(offers), len(columns)))


def _ages(offers: Sequence[Offer]) -> NDArray[np.int64]:
    """Return the youngest and the oldest age of each offer, of shape (2, offers); unknown is 0 and 200 years."""
    spans = [(offer.age_min or 0, 200 if offer.age_max is None else offer.age_max) for offer in offers]
    return np.array(spans, dtype=np.int64).reshape(-1, 2).T


def _of_age(spans: NDArray[np.int64], ages: Sequence[int]) -> NDArray[np.bool_]:
    """Say of each offer whether it is for somebody of these ages."""
    each = np.array(ages)[:, None]
    return np.asarray(((spans[0] <= each) & (each <= spans[1])).any(axis=0))


def _able(needs: frozenset[Access], has: tuple[Access, ...] | None) -> float:
    return UNKNOWN_ACCESS if has is None else 1.0 if needs <= set(has) else MISFIT


class _Town(NamedTuple):
    """What residents are made from: offers with keywords, how rare each subject is, and places to live near."""

    offers: Sequence[Offer]
    ages: NDArray[np.int64]
    rarity: Mapping[str, float]
    homes: Sequence[tuple[Place, float, float]]

    @classmethod
    def of(cls, offers: Sequence[Offer]) -> "_Town":
        told = [offer for offer in offers if offer.keywords]
        places = {offer.place for offer in offers if offer.place}
        homes = [
            (p, p.lat, p.lon) for p in sorted(places, key=lambda p: p.id) if p.lat is not None and p.lon is not None
        ]
        if not told or not homes:
            raise ValueError("Residents are made from offers that have keywords and a point; give some.")
        return cls(told, _ages(told), _rarity(told), homes)


def _rarity(offers: Sequence[Offer]) -> dict[str, float]:
    """Return the inverse document frequency of each subject: "swimming" says more of a taste than "courses"."""
    counts = Counter(_concepts(offers))
    return {concept: math.log(1 + len(offers) / count) for concept, count in counts.items()}


def _resident(own_id: UUID, town: _Town, rng: Generator) -> SimulatedResident:
    age, children = _family(rng)
    near, lat, lon = town.homes[int(rng.integers(len(town.homes)))]
    north, east = rng.normal(0.0, HOME_SPREAD_METRES, 2) / METRES_A_DEGREE
    return SimulatedResident(
        id=own_id,
        tastes=_tastes(_liked((age, *children), town, rng), town.rarity),
        kinds={kind: float(rng.uniform(0.4, 1.0)) for kind in Kind},
        home=(lat + float(north), lon + float(east / _COS_HELSINKI)),
        district=near.district,
        neighborhood=near.neighborhood,
        languages=_languages(age, rng),
        age=age,
        children=children,
        access=_needs(age, rng),
        reach_metres=float(rng.uniform(1_500, 8_000)),
        visits_a_day=float(rng.gamma(2.0, 0.4)),
        consents=_consents(rng),
    )


def _liked(ages: Sequence[int], town: _Town, rng: Generator) -> list[Offer]:
    """Return three to five offers that fit somebody of the family."""
    fitting = np.flatnonzero(_of_age(town.ages, ages))
    among = fitting if len(fitting) else np.arange(len(town.offers))
    return [town.offers[int(n)] for n in rng.choice(among, size=rng.integers(3, 6))]


def _tastes(liked: Sequence[Offer], rarity: Mapping[str, float]) -> dict[str, float]:
    """Return weights with which each liked offer comes to at least 1."""
    tastes: dict[str, float] = {}
    for offer in liked:
        whole = sum(rarity[keyword.id] for keyword in offer.keywords)
        for keyword in offer.keywords:
            tastes[keyword.id] = max(tastes.get(keyword.id, 0.0), rarity[keyword.id] / whole)
    return tastes


def _family(rng: Generator) -> tuple[int, tuple[int, ...]]:
    age = int(rng.choice([rng.integers(13, 18), rng.integers(18, 40), rng.integers(40, 65), rng.integers(65, 90)],
                         p=[0.08, 0.40, 0.32, 0.20]))  # fmt: skip
    parent = 25 <= age <= 50 and rng.random() < 0.45  # noqa: PLR2004 - years in which most have small children
    return age, tuple(sorted(int(a) for a in rng.integers(0, 17, rng.integers(1, 4)))) if parent else ()


def _languages(age: int, rng: Generator) -> tuple[str, ...]:
    first = "fi" if rng.random() < FINNISH_SPEAKERS else str(rng.choice(OTHER_LANGUAGES, p=OTHER_SHARES))
    also = [code for code, share in (("fi", 0.65), ("en", 0.8 if age < 65 else 0.4)) if rng.random() < share]  # noqa: PLR2004
    return tuple(dict.fromkeys((first, *also)))


def _needs(age: int, rng: Generator) -> frozenset[Access]:
    old = age >= 70  # noqa: PLR2004 - years
    shares = {Access.STEP_FREE: 0.25 if old else 0.03, Access.HEARING_LOOP: 0.12 if old else 0.01}
    return frozenset(need for need, share in shares.items() if rng.random() < share)


def _consents(rng: Generator) -> frozenset[str]:
    if rng.random() >= ACTIVITY_CONSENT:
        return frozenset()
    return frozenset({"activity", *(purpose for purpose, share in CONSENTS.items() if rng.random() < share)})
