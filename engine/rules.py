"""What the city sets beside the ranking, as data: rules for a while and a reason, and every version of them is kept.

A rule moves offers among those that may be suggested: it lets nothing in that is full, over or unfit, and opens nothing
of a resident. `engine.matching` finds the offers that a target names, `engine.steering` puts rules in force.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from engine.errors import InvalidInput
from engine.events import AwareTime
from engine.offers import Kind
from engine.scenario import Scenario

MOST_NAMED = 100
"""How many of one sort a target may name."""
LONGEST = timedelta(days=2 * 366)
"""For how long a rule may be set; what should last is looked at anew."""
USUAL_STRENGTH = 0.2
OLDEST_YEAR = 2000

T = TypeVar("T")
State = Literal["coming", "in_force", "over", "ended", "replaced"]
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Names = Annotated[tuple[Named, ...], msgspec.Meta(max_length=MOST_NAMED)]
_VISIBLE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_VISIBLE)]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=_VISIBLE)]


class Effect(StrEnum):
    """What a rule does: put first, raise, lower, or leave out."""

    PIN = "pin"
    BOOST = "boost"
    BURY = "bury"
    EXCLUDE = "exclude"


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Which offers are meant: of all that is named here, any of its values.

    Attributes
    ----------
    offers, sources, organisers, places
        As offers name them; a place by its id.
    keywords
        Ids such as ``yso:p965``; an offer's first ten count, as everywhere in the ranking.
    districts
        OCD ids of neighbourhoods or districts.
    languages
        ISO 639-1 codes of languages that are known to be spoken there.
    small_venues
        Offers at places that have at most so many now.
    """

    offers: Names = ()
    sources: Names = ()
    organisers: Names = ()
    places: Names = ()
    keywords: Names = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=len(Kind))] = ()
    districts: Names = ()
    languages: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$(?!\n)")], ...], msgspec.Meta(max_length=MOST_NAMED)
    ] = ()
    small_venues: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One rule.

    Attributes
    ----------
    scenarios
        Where it holds.
    valid_from, valid_until
        When it holds; None is from the moment it was written on.
    reason
        Why, for colleagues.
    strength
        Of a boost or a burying: what it adds to or takes from scores, which lie between 0 and about 1.
    """

    effect: Effect
    target: Target
    scenarios: Annotated[tuple[Scenario, ...], msgspec.Meta(min_length=1, max_length=len(Scenario))]
    valid_from: AwareTime | None = None
    valid_until: AwareTime
    reason: Sentence
    strength: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None

    def state(self, now: datetime) -> State:
        """Say whether the rule is in force at `now`."""
        if self.valid_until <= now:
            return "over"
        return "in_force" if self.valid_from is None or self.valid_from <= now else "coming"


class Floor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The share of what is shown that a group of offers is to have at least (`engine.exposure`)."""

    name: Title
    target: Target
    share: Annotated[float, msgspec.Meta(gt=0, le=0.5)]
    reason: Sentence


class Revision(msgspec.Struct, Generic[T], frozen=True):
    """One version of what was set: by whom and when. The last one is in force unless it is the end."""

    seq: int
    id: str
    version: int
    content: T
    author: str
    time: AwareTime
    ended: bool


def new_id() -> str:
    """Return an id for a new rule or floor."""
    return secrets.token_hex(8)


def check_target(target: Target) -> None:
    """Refuse a target that names nothing.

    Raises
    ------
    InvalidInput
        It would mean every offer there is.
    """
    if target == Target():
        raise InvalidInput("Name at least one offer, place, keyword or the like; nothing is meant.", field="target")


def dated(rule: Rule, now: datetime) -> Rule:
    """Return the rule as it is kept: from `now` on, where it says no beginning.

    Raises
    ------
    InvalidInput
        It ends before it begins, is over already, lasts too long, names nothing, or has a strength for nothing.
    """
    check_target(rule.target)
    if len(set(rule.scenarios)) < len(rule.scenarios):
        raise InvalidInput("Name each scenario once.", field="scenarios")
    if rule.strength is not None and rule.effect not in (Effect.BOOST, Effect.BURY):
        raise InvalidInput("Only `boost` and `bury` have a strength; leave it out.", field="strength")
    starts = rule.valid_from or now
    if starts.year < OLDEST_YEAR:
        raise InvalidInput("Give the moment from which the rule holds, in this century.", field="valid_from")
    if rule.valid_until <= starts:
        raise InvalidInput("The rule ends before it begins; give a later end.", field="valid_until")
    if not now < rule.valid_until <= max(starts, now) + LONGEST or starts > now + LONGEST:
        raise InvalidInput("Give an end that is to come, at most two years ahead.", field="valid_until")
    return msgspec.structs.replace(rule, valid_from=starts)
