"""How interactions become taste: residents' acts of a whole batch folded at once, over arrays.

Folding knows no order: whatever the order and the batches, the same interactions give the same taste (see
`engine.taste`). One resident's share of a batch is some ten acts of some ten features, where a call of numpy costs more
than its work; so all shares are folded by the same calls, an owner's number written above each 48-bit key.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from engine.events import Interaction
from engine.offers import Kind
from engine.taste import (
    FLOOR,
    HALF_LIVES_SECONDS,
    LESSONS,
    LOCATED_FAMILIES,
    MOST_FEATURES,
    MOST_SEEN,
    MOST_SETTLED,
    RATING_WEIGHTS,
    Keys,
    Lane,
    Taste,
    Touches,
    fading,
    key,
    lanes,
    stamps,
)

_CLASSES = len(HALF_LIVES_SECONDS)
_OWNER, _KEY = np.uint64(48), np.uint64((1 << 48) - 1)
_HALF, _KEPT_BITS = np.uint32(0x80), np.uint32(0xFFFFFF00)


class Observation(NamedTuple):
    """An interaction with what it was about: the offer's kind and `engine.taste.features`."""

    interaction: Interaction
    kind: Kind
    features: tuple[str, ...]


class Share(NamedTuple):
    """One resident's part of a batch: what was known, what they did, and whether they allow `location`."""

    taste: Taste
    observations: Sequence[Observation]
    located: bool


def fold(taste: Taste, observations: Iterable[Observation], *, located: bool) -> Taste:
    """Return the taste after more interactions, in any order.

    Parameters
    ----------
    taste
        What was known before; `Taste()` with all rows of the journal rebuilds it.
    observations
        What the resident did. Each only once: who calls has dropped repeated events.
    located
        Whether the resident allows `location`; without it no place, district or neighbourhood is learned or kept.
    """
    return fold_many([Share(taste, list(observations), located)])[0]


def fold_many(shares: Sequence[Share]) -> list[Taste]:
    """Return each resident's taste after more interactions; see `fold`. Shape (shares,), at most 65,536."""
    tastes = [share.taste for share in shares]
    busy = [n for n, share in enumerate(shares) if share.observations]
    if busy:
        for n, taste in zip(busy, _fold([shares[n] for n in busy]), strict=True):
            tastes[n] = taste
    return tastes


class _Acts(NamedTuple):
    """The observations of all shares, one after another; `owners` are the numbers of their shares. Shape (acts,)."""

    seen: Sequence[Observation]
    owners: NDArray[np.intp]
    times: NDArray[np.float64]

    @classmethod
    def of(cls, shares: Sequence[Share]) -> Self:
        seen = [observation for share in shares for observation in share.observations]
        owners = np.repeat(np.arange(len(shares)), [len(share.observations) for share in shares])
        return cls(seen, owners, np.array([o.interaction.time.timestamp() for o in seen]))


def _fold(shares: Sequence[Share]) -> list[Taste]:
    acts = _Acts.of(shares)
    references = np.array([share.taste.reference for share in shares])
    np.maximum.at(references, acts.owners, np.ceil(acts.times).astype(np.int64))
    learned, touched = _learned(shares, acts, references), _touched(shares, acts)
    return [Taste(*parts) for parts in zip(references.tolist(), *learned, touched, strict=True)]


def _learned(shares: Sequence[Share], acts: _Acts, references: NDArray[np.int64]) -> list[list[NDArray[Any]]]:
    """Return everybody's keys, sums and which of them are places, each split by owner."""
    tastes, spreads = [share.taste for share in shares], [_spread(o.features) for o in acts.seen]
    held, sizes = [len(taste.keys) for taste in tastes], [len(spread.keys) for spread in spreads]
    owners = np.concatenate([np.repeat(np.arange(len(shares)), held), np.repeat(acts.owners, sizes)])
    names = np.concatenate([*(taste.keys for taste in tastes), *(spread.keys for spread in spreads)])
    slots, rows = np.unique(names | owners.astype(np.uint64) << _OWNER, return_inverse=True)
    old, new = rows[: sum(held)], rows[sum(held) :]

    columns, weights = _lessons(acts, references)
    cells = new * _CLASSES + np.repeat(columns, sizes)
    units = np.concatenate([spread.units for spread in spreads]) * np.repeat(weights, sizes)
    sums = np.bincount(cells, units, len(slots) * _CLASSES).astype(np.float64).reshape(-1, _CLASSES)
    idle = references - [taste.reference for taste in tastes]
    sums[old] += np.concatenate([taste.sums for taste in tastes]) * np.repeat(fading(idle), held, axis=0)
    places = np.zeros(len(slots), np.bool_)
    places[rows] = np.concatenate([*(taste.located for taste in tastes), *(spread.located for spread in spreads)])

    owner = (slots >> _OWNER).astype(np.intp)
    kept = _strongest(owner, sums, allowed=~places | np.array([share.located for share in shares])[owner])
    ends = np.searchsorted(owner[kept], np.arange(1, len(shares)))
    return [np.split(part, ends) for part in (slots[kept] & _KEY, _rounded(sums[kept]), places[kept])]


def _lessons(acts: _Acts, references: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each act's half-life, as an index, and its weight as it has faded by its owner's reference."""
    columns, weights = np.empty(len(acts.seen), np.intp), np.empty(len(acts.seen))
    for n, (act, kind, _) in enumerate(acts.seen):
        lesson = LESSONS[act.type]
        columns[n] = lesson.event if kind is Kind.EVENT else lesson.other
        weights[n] = lesson.weight if act.value is None else RATING_WEIGHTS.get(act.value, lesson.weight)
    ages = references[acts.owners] - acts.times
    return columns, weights * 0.5 ** (ages / HALF_LIVES_SECONDS[columns])


class _Spread(NamedTuple):
    """One unit spread over an offer's features: in a family of n, each gets n ** -0.5. All of shape (features,)."""

    keys: Keys
    units: NDArray[np.float64]
    located: NDArray[np.bool_]


@lru_cache(maxsize=1 << 16)
def _spread(names: tuple[str, ...]) -> _Spread:
    families = [name.partition(":")[0] for name in names]
    sizes = Counter(families)
    return _Spread(
        np.array([key(name) for name in names], np.uint64),
        np.array([sizes[family] ** -0.5 for family in families], np.float64),
        np.array([family in LOCATED_FAMILIES for family in families], np.bool_),
    )


def _strongest(owners: NDArray[np.intp], sums: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the rows that each owner keeps, in their order; rows of one owner stand together."""
    strength = np.abs(sums).sum(axis=1) * allowed
    strong = np.flatnonzero(strength >= FLOOR)
    falling = np.argsort(-strength[strong], kind="stable")
    # Numbers of 16 bits are sorted by counting: half the time of one sort by both.
    order = falling[np.argsort(owners[strong][falling].astype(np.uint16), kind="stable")]
    return np.sort(strong[order[_places_within(owners[strong]) < MOST_FEATURES]])


def _places_within(owners: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return each row's place among those of its owner, from 0; `owners` are sorted."""
    first = np.searchsorted(owners, owners)
    return np.arange(len(owners)) - first


def _rounded(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sums as they are kept, to 17 bits; what has faded to nothing takes no room."""
    wide = np.where(np.abs(sums) < FLOOR / _CLASSES, 0, sums).astype(np.float32).view(np.uint32)
    return ((wide + _HALF) & _KEPT_BITS).view(np.float32)


def _touched(shares: Sequence[Share], acts: _Acts) -> list[Touches]:
    """Return everybody's touches: the latest in each lane of each offer, newest first, split by owner."""
    held = [share.taste.touches for share in shares]
    codes = np.array([LESSONS[o.interaction.type].code for o in acts.seen], np.uint64)
    offers = np.array([key(o.interaction.offer) for o in acts.seen], np.uint64)
    touches = np.concatenate([*held, np.stack([stamps(acts.times, codes), offers], axis=1)])
    owners = np.concatenate([np.repeat(np.arange(len(shares)), list(map(len, held))), acts.owners])
    latest = _latest(owners, touches)
    touches, owners = touches[latest], owners[latest]
    glances = lanes(touches) == Lane.SEEN
    kept = np.zeros(len(touches), np.bool_)
    for which, most in ((glances, MOST_SEEN), (~glances, MOST_SETTLED)):
        kept[which] = _places_within(owners[which]) < most
    return np.split(touches[kept], np.searchsorted(owners[kept], np.arange(1, len(shares))))


def _latest(owners: NDArray[np.intp], touches: Touches) -> NDArray[np.intp]:
    """Return the rows of the latest touch in each lane of each owner's offer: owner by owner, newest first."""
    stamp, offer = touches.T
    lane = lanes(touches)
    order = np.lexsort((stamp, lane, offer, owners))
    mark = np.stack([owners.astype(np.uint64), offer, lane.astype(np.uint64)])[:, order]
    last = np.append((mark[:, 1:] != mark[:, :-1]).any(axis=0), True)
    order = order[last]
    newest: NDArray[np.intp] = order[np.lexsort((~offer[order], ~stamp[order], owners[order]))]
    return newest
