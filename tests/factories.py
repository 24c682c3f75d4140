"""Offers, interactions and tastes for tests: everything has a default, and says what differs."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.consent import Consents, Grant, Purpose, declared
from engine.events import Interaction, InteractionType
from engine.folding import Observation, fold
from engine.language import Localized
from engine.offers import Keyword, Kind, Occurrence, Offer, Place
from engine.taste import Taste, features

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
"""A Sunday, noon in Helsinki."""
PREFIX = "ocd-division/country:fi/kunta:helsinki/"

_counter = itertools.count()


def keyword(name: str) -> Keyword:
    """A keyword whose label in each language is its name with the language's letter."""
    return Keyword(f"yso:{name}", Localized(fi=name, sv=f"{name}-sv", en=f"{name}-en"))


def place(name: str = "library", *, lat: float | None = 60.184, lon: float | None = 24.95, **changes: Any) -> Place:
    given = {
        "id": f"tprek:{name}",
        "name": Localized(fi=f"{name} fi", sv=f"{name} sv", en=f"{name} en"),
        "lat": lat,
        "lon": lon,
        "neighborhood": f"{PREFIX}neighborhood:kallio",
        "district": f"{PREFIX}district:kallio",
    }
    return Place(**(given | changes))


def offer(id_: str | None = None, *, keywords: str = "", days: float = 2, **changes: Any) -> Offer:
    """An event of two hours that starts in `days`; keywords are given as words with spaces between."""
    starts = NOW + timedelta(days=days)
    given = {
        "id": id_ or f"test:{next(_counter)}",
        "source": "test",
        "kind": Kind.EVENT,
        "name": Localized(fi="Tapahtuma", sv="Evenemang", en="Event"),
        "keywords": tuple(keyword(word) for word in keywords.split()),
        "starts": starts,
        "ends": starts + timedelta(hours=2),
    }
    return Offer(**(given | changes))


def series(id_: str, days: list[float], **changes: Any) -> Offer:
    """An offer of two hours on each of several days."""
    dates = [Occurrence(NOW + timedelta(days=d), NOW + timedelta(days=d, hours=2)) for d in days]
    return offer(id_, dates=tuple(dates), starts=dates[0].starts, ends=dates[-1].ends, **changes)


def interaction(offer_id: str, act: str = "view", *, ago: float = 0, **changes: Any) -> Interaction:
    """An interaction `ago` days before `NOW`."""
    given = {"id": f"event:{next(_counter)}", "offer": offer_id, "time": NOW - timedelta(days=ago)}
    return Interaction(**(given | {"type": InteractionType(act)} | changes))


def observation(of: Offer, act: str = "view", *, ago: float = 0, **changes: Any) -> Observation:
    return Observation(interaction(of.id, act, ago=ago, **changes), of.kind, features(of))


def taste(*seen: Observation, located: bool = True) -> Taste:
    return fold(Taste(), seen, located=located)


def in_force(purpose: str) -> int:
    """The version of the notice that is in force for a purpose."""
    return declared().declaration(purpose).notice.version


def consents(*purposes: Purpose, resident: str = "someone") -> Consents:
    """The consents of somebody who granted these purposes a month ago."""
    return Consents(
        resident, 1, {purpose: Grant(True, in_force(purpose), NOW - timedelta(days=30)) for purpose in purposes}
    )
