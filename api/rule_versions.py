"""Versions of rules as staff read them: with who wrote them, their state, and what there is to know of their target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from api.errors import FieldError
from api.known_offers import KnownOffers
from engine.events import AwareTime
from engine.rules import Effect, Revision, Rule, State, Target
from engine.scenario import Scenario
from engine.steering import CitySteering


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in one version. `warnings` speak of ids that no offer has."""

    id: str
    version: int
    effect: Effect
    target: Target
    scenarios: tuple[Scenario, ...]
    valid_from: AwareTime
    valid_until: AwareTime
    reason: str
    strength: float | None
    author: str
    changed: AwareTime
    state: State
    offers_now: int
    warnings: Sequence[FieldError] = ()


class RulePage(msgspec.Struct, frozen=True):
    """Rules, the last written first; `next` is what to send as `after` for older ones, null at the end."""

    items: Sequence[RuleVersion]
    next: int | None = None


class RuleHistory(msgspec.Struct, frozen=True):
    """All versions of a rule, the first one first."""

    items: Sequence[RuleVersion]


EXAMPLE = {
    "effect": "boost",
    "target": {"keywords": ["yso:p965"], "kinds": ["course"]},
    "scenarios": ["app_home", "course_search"],
    "valid_from": "2026-12-01T00:00:00+02:00",
    "valid_until": "2027-03-01T00:00:00+02:00",
    "reason": "The winter's swimming campaign",
    "strength": 0.3,
}
EXAMPLE_VERSION = {
    "id": "b41c7a3f0d925e68",
    "version": 1,
    **EXAMPLE,
    "author": "maija.meikalainen@example.fi",
    "changed": "2026-11-22T10:00:00Z",
    "state": "coming",
    "offers_now": 41,
    "warnings": [],
}


@dataclass(frozen=True, slots=True)
class RuleTeller:
    """Tells versions of rules."""

    steering: CitySteering
    known: KnownOffers

    async def told(self, found: Sequence[Revision[Rule]], now: datetime) -> Sequence[RuleVersion]:
        """Return versions as staff read them; of two of one rule, only the later can be in force."""
        unknown = await self.known.unknown({id_ for one in found for id_ in one.content.target.offers})
        last = {one.id: one.version for one in sorted(found, key=lambda one: one.version)}
        return [self._version(one, _state(one, last[one.id], now), unknown, now) for one in found]

    def _version(self, its: Revision[Rule], state: State, unknown: set[str], now: datetime) -> RuleVersion:
        rule = its.content
        return RuleVersion(
            id=its.id,
            version=its.version,
            effect=rule.effect,
            target=rule.target,
            scenarios=rule.scenarios,
            valid_from=rule.valid_from or its.time,
            valid_until=rule.valid_until,
            reason=rule.reason,
            strength=rule.strength,
            author=its.author,
            changed=its.time,
            state=state,
            offers_now=self.steering.count(rule.target, now),
            warnings=[
                FieldError(f"target.offers.{n}", "No offer has this id, now or before; the rule waits for one.")
                for n, id_ in enumerate(rule.target.offers)
                if id_ in unknown
            ],
        )


def _state(its: Revision[Rule], last: int, now: datetime) -> State:
    if its.version < last:
        return "replaced"
    return "ended" if its.ended else its.content.state(now)
