"""The suites of `vinkki bench`: which figures each has, and the file that they are written to."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import (
    arrival,
    audiences,
    consent,
    freshness,
    growth,
    ingest,
    intake,
    leaks,
    mails,
    modelled,
    picks,
    ranking,
    residents,
    stages,
    suggestions,
    training,
    triggered,
)
from bench.figures import Figure, Promise
from bench.ground import Ground
from engine.errors import InvalidInput

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Measurement:
    """One way of measuring, and the figures it brings."""

    promises: tuple[Promise, ...]
    measure: Callable[[Ground], Awaitable[Sequence[Figure]]]

    def brings(self, names: Sequence[str]) -> bool:
        """Say whether it brings one of the figures of these names."""
        return any(promise.name in names for promise in self.promises)


@dataclass(frozen=True)
class Suite:
    """Measurements that are made, shown and written together."""

    file: str
    measurements: tuple[Measurement, ...]

    @property
    def names(self) -> list[str]:
        """The names of all figures."""
        return [promise.name for measurement in self.measurements for promise in measurement.promises]

    def only(self, names: Sequence[str]) -> list[Measurement]:
        """Return the measurements of the figures that are named; all of them where none is.

        Raises
        ------
        InvalidInput
            A name is no figure's.
        """
        if unknown := sorted(set(names) - set(self.names)):
            raise InvalidInput(f"There is no figure {', '.join(unknown)}; the figures are {', '.join(self.names)}.")
        return [measurement for measurement in self.measurements if not names or measurement.brings(names)]


SUITES = {
    "spine": Suite(
        "results.json",
        (
            Measurement((ranking.RATIO,), ranking.measure),
            Measurement((residents.MEMORY,), residents.measure),
            Measurement((intake.RATE,), intake.measure),
            Measurement((freshness.P95,), freshness.measure),
            Measurement((suggestions.RATIO, suggestions.MEMORY), suggestions.measure),
            # Last, since what it publishes is more than a worker takes in within seconds.
            Measurement((ingest.RATIO,), ingest.measure),
        ),
    ),
    "consent": Suite(
        "consent.json",
        (
            Measurement((consent.PERMIT,), consent.permits),
            Measurement((consent.APPEND,), consent.appends),
            Measurement((consent.WITHDRAWAL,), consent.withdrawals),
            Measurement((consent.FORGETTING,), consent.forgettings),
            Measurement((leaks.SCAN,), leaks.measure),
        ),
    ),
    "suggestions": Suite(
        "suggestions.json",
        (
            Measurement((stages.FIRST,), stages.first),
            # Before any other that makes a model: the process is first measured without one.
            Measurement((modelled.RATIO, modelled.RATE, modelled.PLAIN), modelled.measure),
            Measurement((stages.SECOND,), stages.second),
            Measurement((arrival.P95,), arrival.measure),
            Measurement((growth.GROWTH,), growth.measure),
            Measurement((training.RATIO, training.MEMORY), training.measure),
        ),
    ),
    "campaigns": Suite(
        "campaigns.json",
        (
            Measurement((audiences.RATIO, audiences.COUNT, audiences.MEMORY), audiences.measure),
            Measurement((mails.CPU, mails.RATE), mails.measure),
            Measurement((picks.RATIO,), picks.measure),
            # After those, which speak to everybody there is.
            Measurement((triggered.P95,), triggered.measure),
        ),
    ),
}


def suite(name: str) -> Suite:
    """Return a suite.

    Raises
    ------
    InvalidInput
        There is none of that name.
    """
    if name not in SUITES:
        raise InvalidInput(f"There is no suite `{name}`; the suites are {', '.join(SUITES)}.")
    return SUITES[name]
