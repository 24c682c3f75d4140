"""What is known of a pair of a resident and an offer besides the rankers' scores: who arranges it, where and when.

For each attribute of offers (organiser, venue, area, kind, weekday, hour, price, language, ages) it is told how often
the resident chose the same, against how often everybody does, and how faithful people are to it. What a source does not
tell is absent, or missing (nan) for a single pair.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.item import Item
from models.matrix import DAY
from models.snapshot import Found, Snapshot

GATHERING = ("organiser", "venue")
"""Attributes that gather people of their own, who come again."""
FADING = ("organiser", "venue", "area", "kind")
_KM = 111.2
_HOURS = 2
_Column = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of all offers.

    Attributes
    ----------
    codes
        Each offer's value as a number, of shape (offers,); -1 where it has none.
    members
        Ones where an offer has a value, of shape (offers, values).
    """

    name: str
    codes: NDArray[np.intp]
    members: csr_array

    @classmethod
    def of(cls, name: str, values: Sequence[Hashable | None]) -> "Attribute":
        """Return an attribute from each offer's value."""
        numbers = numbered(values)
        codes = np.array([-1 if value is None else numbers[value] for value in values], np.intp)
        has = np.flatnonzero(codes >= 0)
        cells = (np.ones(len(has), np.float32), (has, codes[has]))
        return cls(name, codes, csr_array(cells, shape=(len(values), len(numbers))))


def numbered(values: Sequence[Hashable | None]) -> dict[Hashable, int]:
    """Return a number for each value, in the order in which they come first."""
    return {value: n for n, value in enumerate(dict.fromkeys(value for value in values if value is not None))}


@dataclass(frozen=True, slots=True)
class Seats:
    """How many seats of offers were left at moments of the past: one row each time it was told.

    Attributes
    ----------
    offers, times, left
        Of which offer, from when on in Unix seconds, and how many; -1 for no limit. Each offer's in their order.
    count
        How many offers there are.
    """

    offers: NDArray[np.intp]
    times: NDArray[np.float64]
    left: NDArray[np.int32]
    count: int

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Seats | None":
        """Return what is known of the seats of offers; None where it is of none."""
        rows = [(number, *told) for number, item in enumerate(items) for told in item.seats]
        if not rows:
            return None
        offers, times, left = zip(*rows, strict=True)
        return cls(np.array(offers, np.intp), np.array(times), np.array(left, np.int32), len(items))

    def at(self, moment: float) -> NDArray[np.int32]:
        """Return how many seats of each offer were left at a moment; -1 where that is unknown, or without a limit."""
        known = self.times <= moment
        found = np.full(self.count, -1, np.int32)
        found[self.offers[known]] = self.left[known]  # of several the last stays
        return found


@dataclass(frozen=True, slots=True)
class Setting:
    """When, where and by whom offers are, as columns of shape (offers,).

    Attributes
    ----------
    starts, closes
        When offers begin and their enrolment ends, in Unix seconds; nan where unknown.
    points
        Kilometres north and east of the equator and the first meridian, of shape (offers, 2); nan where unknown.
    seats
        How many seats were left when; None where that is known of no offer.
    """

    attributes: tuple[Attribute, ...]
    starts: NDArray[np.float64]
    closes: NDArray[np.float64]
    points: NDArray[np.float64]
    seats: Seats | None = None

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Setting":
        """Return the setting of offers; attributes that none of them has are left out."""
        told = [Attribute.of(name, its) for name, its in values_of(items).items() if any(v is not None for v in its)]
        return cls(tuple(told), starts_of(items), closes_of(items), points_of(items), Seats.of(items))


def values_of(items: Sequence[Item]) -> dict[str, list[Hashable | None]]:
    """Return each offer's value of every attribute, by the attribute's name."""
    local = [_local(item) for item in items]
    return {
        "organiser": [item.organiser for item in items],
        "venue": [item.venue for item in items],
        "area": [item.area for item in items],
        "kind": [item.kind for item in items],
        "weekday": [time and time.weekday() for time in local],
        "hour": [time and time.hour // _HOURS for time in local],
        "price": [item.price for item in items],
        "language": [item.language for item in items],
        "ages": [item.ages for item in items],
    }


def starts_of(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return when offers start (`Setting.starts`)."""
    return np.array([np.nan if item.starts is None else item.starts for item in items], np.float64)


def closes_of(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return when enrolment ends (`Setting.closes`)."""
    return np.array([np.nan if item.closes is None else item.closes for item in items], np.float64)


def points_of(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return where offers are (`Setting.points`)."""
    return np.array([_point(item) for item in items]).reshape(-1, 2)


def _local(item: Item) -> datetime | None:
    """Return when it starts by the sun where it is: near enough to any clock for a weekday and a part of the day."""
    if item.starts is None:
        return None
    return datetime.fromtimestamp(item.starts, UTC) + timedelta(hours=round((item.lon or 0.0) / 15))


def _point(item: Item) -> tuple[float, float]:
    if item.lat is None or item.lon is None:
        return np.nan, np.nan
    return item.lat * _KM, item.lon * _KM * float(np.cos(np.radians(item.lat)))


def described(found: Found, snapshot: Snapshot, setting: Setting, candidates: NDArray[np.int32]) -> Found:
    """Return the pairs with all that is known of them, in `Found.features`."""
    offers = candidates[found.columns].astype(np.intp)
    histories = snapshot.histories[found.people]
    chosen = np.diff(histories.indptr).astype(np.float32)
    features = dict(found.features)
    features["new"] = (snapshot.popularity.counts[offers] == 0).astype(np.float32)
    features["history"] = np.log1p(chosen)[found.rows]
    if np.isfinite(snapshot.at):
        quiet = np.log1p((snapshot.at - snapshot.last[found.people]) / DAY)
        features["days_quiet"] = quiet[found.rows].astype(np.float32)
        if np.isfinite(setting.starts).any():
            features["days_to_start"] = ((setting.starts[offers] - snapshot.at) / DAY).astype(np.float32)
        if np.isfinite(setting.closes).any():
            features["days_to_close"] = ((setting.closes[offers] - snapshot.at) / DAY).astype(np.float32)
        if setting.seats is not None:
            features["seats_left"] = scarcity(setting.seats.at(snapshot.at)[offers])
    faded = None if snapshot.faded is None else snapshot.faded[found.people]
    for attribute in setting.attributes:
        features |= _affinity(attribute, snapshot, _Pairs(found.rows, offers, histories, faded, chosen))
    if np.isfinite(setting.points).any():
        features |= _distances(setting.points, histories, found.rows, offers)
    return Found(found.people, found.rows, found.columns, features)


@dataclass(frozen=True, slots=True)
class _Pairs:
    rows: NDArray[np.intp]
    offers: NDArray[np.intp]
    histories: csr_array
    faded: csr_array | None
    chosen: _Column


def scarcity(left: NDArray[np.int32]) -> _Column:
    """Return numbers of seats as rankers look at them: a logarithm, nan where there is no limit or none is known."""
    return np.where(left >= 0, np.log1p(np.maximum(left, 0)), np.nan).astype(np.float32)


def _affinity(attribute: Attribute, snapshot: Snapshot, pairs: _Pairs) -> dict[str, _Column]:
    """Return what the resident's history says of the offer's value of an attribute."""
    codes, members = attribute.codes[pairs.offers], attribute.members
    value, told = np.maximum(codes, 0), codes >= 0
    common = Commonly.of(attribute, snapshot)
    own = (pairs.histories @ members).toarray()[pairs.rows, value]
    chosen = pairs.chosen[pairs.rows]
    features = {
        "count": np.log1p(own),
        "share": own / np.maximum(chosen, 1),
        "lift": np.log((own + 0.5) / (chosen + 1)) - common.usual[value],
    }
    if pairs.faded is not None and attribute.name in FADING:
        features["lately"] = np.log1p((pairs.faded @ members).toarray()[pairs.rows, value])
    if attribute.name in GATHERING:
        features["loyalty"] = own / common.held[value]
        features["draw"] = common.draw[value]
        features["visitors"] = common.visitors[value]
        features["return"] = common.returning[value]
    return {f"{attribute.name}_{k}": np.where(told, v, np.nan).astype(np.float32) for k, v in features.items()}


@dataclass(frozen=True, slots=True)
class Commonly:
    """What everybody's choices say of each value of an attribute; arrays of shape (values,).

    Attributes
    ----------
    usual
        The logarithm of the share of all choices that go to it.
    held
        How many of its offers somebody chose, at least 1.
    draw, visitors
        How many choose one of them, and how many different people chose any; logarithms.
    returning
        How many choices one person makes.
    """

    usual: _Column
    held: _Column
    draw: _Column
    visitors: _Column
    returning: _Column

    @classmethod
    def of(cls, attribute: Attribute, snapshot: Snapshot) -> "Commonly":
        """Return what they say."""
        members, counts = attribute.members, snapshot.popularity.counts
        all_ = members.T @ counts
        held = np.maximum(members.T @ (counts > 0).astype(np.float32), 1)
        came = np.maximum(visitors(attribute, snapshot), 1)
        usual = np.log((all_ + 1) / (counts.sum() + 1))
        return cls(usual, held, np.log1p(all_ / held), np.log1p(came), all_ / came)


def visitors(attribute: Attribute, snapshot: Snapshot) -> _Column:
    """Return how many people chose something of each value of an attribute, of shape (values,)."""
    if snapshot.shared is not None:
        return np.asarray(((snapshot.shared @ attribute.members) > 0).sum(axis=0), np.float32).ravel()
    counted = np.zeros(attribute.members.shape[1], np.float32)
    has = attribute.codes >= 0
    if attribute.name in snapshot.visitors:
        np.maximum.at(counted, attribute.codes[has], snapshot.visitors[attribute.name][has])
    return counted


def _distances(
    points: NDArray[np.float64], histories: csr_array, rows: NDArray[np.intp], offers: NDArray[np.intp]
) -> dict[str, _Column]:
    """Return how far offers are from the middle of a resident's history and from the nearest of it, in log(1 + km)."""
    middle, nearest = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    ends = np.searchsorted(rows, np.arange(histories.shape[0] + 1))
    for n in np.flatnonzero(np.diff(ends)):
        been = points[histories.indices[histories.indptr[n] : histories.indptr[n + 1]]]
        been = been[np.isfinite(been[:, 0])]
        if len(been):
            pairs = slice(ends[n], ends[n + 1])
            to = points[offers[pairs]]
            middle[pairs] = np.linalg.norm(to - been.mean(axis=0), axis=1)
            nearest[pairs] = np.linalg.norm(to[:, None] - been[None], axis=2).min(axis=1)
    return {"far": np.log1p(middle).astype(np.float32), "far_from_nearest": np.log1p(nearest).astype(np.float32)}
