"""What the place for new offers held, with which chance, and what came of it: a log for judging other policies.

In a share of all answers that place tries a new offer, drawn by chance; else it holds the usual one (`engine.novelty`).
Either way its chance was kept with the impression. So it can be told what would be earned there if another share of
answers tried new offers, or none (`models.off_policy`), without showing anything to anybody.

Of each resident one list is drawn, so that no two lines are of one person: nothing can be joined, and the lines are as
independent as the intervals take them to be. A line tells no time, not even a day; an offer that stands in few lines
goes unnamed, and chances are rounded, since those of trying an offer are hardly ever the same twice.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from engine.counts import LEAST
from models.choices import Choices
from models.impressions import FOLLOWS

LEAST_LINES = LEAST + 1
"""An offer of fewer lines is called `FEW`."""
FEW = "few"
COLUMNS = ("place", "action", "new", "reward", "propensity", "target")

Row = tuple[int, str, int, int, float, float]
"""What the columns hold."""


class Line(NamedTuple):
    """One place in one list.

    Attributes
    ----------
    day
        In UTC.
    place
        From 1.
    chance
        With which it held what it held.
    chosen
        Whether the offer was chosen within a week, and not shown to the same resident again before.
    """

    day: date
    place: int
    offer: str
    chance: float
    chosen: bool


@dataclass(slots=True)
class Tries:
    """Collects lines, a chunk of residents at a time.

    Parameters
    ----------
    rng
        Draws the list of each resident.
    """

    rng: Generator
    lines: list[Line] = field(default_factory=list)
    _usual: dict[date, set[float]] = field(default_factory=dict)

    def add(  # noqa: PLR0913 - the columns of lists
        self,
        choices: Choices,
        people: Sequence[int],
        times: Sequence[float],
        offers: Sequence[Sequence[str]],
        places: Sequence[int | None],
        chances: Sequence[float | None],
    ) -> None:
        """Take in a chunk (`engine.records.learning.Lists`), and what the same residents chose."""
        when = _when(choices)
        last = _last(when, people, times, offers)
        found: dict[int, list[Line]] = {}
        for person, time, its, place, chance in zip(people, times, offers, places, chances, strict=True):
            if place is None or chance is None or not 0 < place <= len(its):
                continue
            offer, day = its[place - 1], datetime.fromtimestamp(time, UTC).date()
            chosen = last.get((person, offer)) == time and when[person, offer] < time + FOLLOWS
            found.setdefault(person, []).append(Line(day, place, offer, chance, chosen))
            if _is_usual(chance):
                self._usual.setdefault(day, set()).add(chance)
        self.lines += [its[self.rng.integers(len(its))] for its in found.values()]

    def told(self, share: float) -> Iterator[Row]:
        """Yield sorted lines, with the chance that a policy which tries a share of answers shows the same.

        Left out are days on which the share was changed, or of which it cannot be told.
        """
        known = [line for line in self.lines if len(self._usual.get(line.day, ())) == 1]
        named = Counter(line.offer for line in known)
        rows = []
        for line in known:
            tried = 1 - next(iter(self._usual[line.day]))
            new = not _is_usual(line.chance)
            chance = _rounded(line.chance)
            target = share * chance / tried if new and tried > 0 else 1 - share
            if not 0 <= target <= 1:
                continue
            action = line.offer if named[line.offer] >= LEAST_LINES else FEW
            rows.append((line.place, action, int(new), int(line.chosen), chance, target))
        yield from sorted(rows)


def write_log(path: Path, rows: Iterator[Row]) -> int:
    """Write lines as a CSV that `models.logged` reads, gzipped if its name says so; return how many."""
    written = 0
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=1) if path.suffix == ".gz" else raw as file,
    ):
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(row)
            written += 1
        text.flush()
        text.detach()
    return written


def _rounded(chance: float) -> float:
    """Return a chance with two significant digits."""
    return float(f"{chance:.1e}")


def _is_usual(chance: float) -> bool:
    """Say whether a chance is that of the usual offer; while at most half of the answers try, it is the larger one."""
    return chance > 0.5  # noqa: PLR2004 - half


def _last(
    when: Mapping[tuple[int, str], float],
    people: Sequence[int],
    times: Sequence[float],
    offers: Sequence[Sequence[str]],
) -> dict[tuple[int, str], float]:
    """Return when each resident was last shown each offer that they chose, before they did."""
    last: dict[tuple[int, str], float] = {}
    for person, time, its in zip(people, times, offers, strict=True):
        for pair in ((person, offer) for offer in its):
            # A client's clock tells whole seconds: what follows may seem to come within the second before.
            if int(time) <= when.get(pair, -np.inf):
                last[pair] = max(time, last.get(pair, time))
    return last


def _when(choices: Choices) -> dict[tuple[int, str], float]:
    """Return when each resident first chose each offer."""
    names, its = list(choices.offers), choices.interactions()
    pairs = zip(its.people.tolist(), (names[offer] for offer in its.offers), strict=True)
    return dict(zip(pairs, its.times.tolist(), strict=True))
