"""What a request for suggestions asks, and what an offer must therefore fit."""

import math
from datetime import date, datetime
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.ages import Stage, age, stage
from engine.catalogue import Live
from engine.columns import (
    ACCESSES,
    KINDS,
    LANGUAGE_UNKNOWN,
    NEVER,
    OLDEST,
    Trait,
    Vocabulary,
    metres,
    minute,
)
from engine.errors import InvalidInput
from engine.language import Language
from engine.offers import Access, Kind
from engine.ranking import Filters
from engine.residents import Interests
from engine.scenario import Scenario

MOST_ITEMS = 100
Fits = Literal["fits", "unknown"]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. The defaults ask nothing.

    Attributes
    ----------
    language
        Of the reasons.
    limit
        How many offers at most, 1 to 100.
    near, radius_metres
        Latitude and longitude in degrees; with a radius only what is known to lie within.
    starts_from, until
        One of the offer's dates must touch this time.
    free
        True: only what is known to be free.
    languages
        ISO 639-1 codes: spoken there are one of these, or it is not known which.
    age
        Years; what is known to be for others is left out.
    access
        What must be there, unless it is not known what is.
    scenario
        Where the answer is shown.
    """

    language: Language = Language.FI
    limit: int = 20
    kinds: tuple[Kind, ...] = ()
    near: tuple[float, float] | None = None
    radius_metres: float | None = None
    starts_from: datetime | None = None
    until: datetime | None = None
    free: bool = False
    languages: tuple[str, ...] = ()
    age: int | None = None
    access: tuple[Access, ...] = ()
    scenario: Scenario = Scenario.APP_HOME

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ITEMS:
            raise InvalidInput(f"Ask for 1 to {MOST_ITEMS} offers.", field="limit")
        if self.radius_metres is not None and self.near is None:
            raise InvalidInput("A radius needs a point: give `near` as latitude,longitude.", field="radius_metres")
        if self.radius_metres is not None and not 0 < self.radius_metres < float("inf"):
            raise InvalidInput("Give a radius in metres, above 0.", field="radius_metres")
        if self.starts_from and self.until and self.starts_from >= self.until:
            raise InvalidInput("The time asked for ends before it begins: give `until` after `from`.", field="until")
        if self.age is not None and not 0 <= self.age < OLDEST:
            raise InvalidInput("Give an age in years, from 0.", field="age")


class Fit(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the offer is known to suit what was asked; None where nothing was asked."""

    age: Fits | None = None
    language: Fits | None = None
    access: Fits | None = None


def with_interests(query: Query, interests: Interests, now: datetime) -> tuple[Query, int | None]:
    """Return the query with what the resident told, where the query itself asks nothing, and the birth year to use."""
    told = query
    if interests.languages or interests.access:
        told = msgspec.structs.replace(
            query, languages=query.languages or interests.languages, access=query.access or interests.access
        )
    year = interests.birth_year
    return told, year if query.age is None and year is not None and 0 <= now.year - year < OLDEST else None


def of_age(query: Query, born: date | None, now: datetime) -> Query:
    """Return the query with the age of a dependant who is under 18, where the query itself asks for none."""
    if born is None or query.age is not None or stage(born, now) is Stage.ADULT:
        return query
    return msgspec.structs.replace(query, age=age(born, now))


def filters(query: Query, birth_year: int | None, vocabulary: Vocabulary, now: datetime) -> Filters:
    """Return what an offer must fit. A birth year leaves two ages open, and either may fit."""
    oldest = query.age if query.age is not None else now.year - birth_year if birth_year is not None else None
    youngest = oldest - 1 if oldest and query.age is None else oldest or 0
    kinds = sum({KINDS[kind] for kind in query.kinds}) or Filters().kinds
    languages = 0
    for code in query.languages:
        languages |= vocabulary.language_bit(code)
    return Filters(
        kinds=kinds,
        needs=sum({ACCESSES[a] for a in query.access}) | query.free << Trait.FREE,
        # A language that no offer is in still asks for one: only what is of unknown language can fit.
        languages=(languages | LANGUAGE_UNKNOWN) if query.languages else 0,
        youngest=youngest,
        oldest=OLDEST if oldest is None else oldest,
        point=metres(*query.near) if query.near else None,
        radius_metres=query.radius_metres or float("inf"),
        starts_from=minute(query.starts_from) if query.starts_from else 0,
        until=min(math.ceil(query.until.timestamp() / 60), NEVER) if query.until else NEVER,
    )


def fit(live: Live, rows: NDArray[np.uint32], asked: Filters) -> list[Fit | None]:
    """Say of offers that passed the filters whether they are known to fit; None for each where nothing was asked."""
    if not (asked.by_age or asked.by_language or asked.by_access):
        return [None] * len(rows)
    traits, languages = live.columns.traits[rows].tolist(), live.columns.languages[rows].tolist()
    return [_fit(of, spoken, asked) for of, spoken in zip(traits, languages, strict=True)]


def _fit(traits: int, languages: int, asked: Filters) -> Fit:
    lowest, highest = traits >> Trait.AGE_MIN & OLDEST, traits >> Trait.AGE_MAX
    suits = not traits >> Trait.AGE_UNKNOWN & 1 and lowest <= asked.youngest and highest >= asked.oldest
    return Fit(
        age=_word(suits) if asked.by_age else None,
        language=_word(languages != LANGUAGE_UNKNOWN) if asked.by_language else None,
        access=_word(not traits >> Trait.ACCESS_UNKNOWN & 1) if asked.by_access else None,
    )


def _word(known: object) -> Fits:
    return "fits" if known else "unknown"
