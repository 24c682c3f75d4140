"""Whether a newly trained model may take over: not if it serves anybody significantly worse, or nobody better.

Every slice that is large enough is guarded, against the running model and against what is popular. Forty comparisons
at 95 % would call two of three equal models worse; so an interval is widened until all of them together are at 95 %
(Bonferroni), taking its upper half as that of a normal distribution.
"""

from collections.abc import Iterator

from scipy.stats import norm

from models.bootstrap import LEVEL, Estimate
from models.report import MAIN, Report

EVERYBODY, POPULAR = "everybody", "popular"


def worse(report: Report) -> list[str]:
    """Return in words where the report's model is significantly worse than another; empty where it is not.

    On the whole it must also be no worse in the mean than what is popular, significant or not.
    """
    found = list(_compared(report))
    # Of few residents nothing is significant; what is no better than showing everybody the same has learned nothing.
    plain = report.gains[POPULAR][MAIN].value if POPULAR in report.gains else 0.0
    useless = [f"{EVERYBODY}: {MAIN.upper()} is no better than what is popular ({plain:+.3f})"] if plain < 0 else []
    return useless + [
        f"{slice_}: {MAIN.upper()} is {-gain.value:.3f} below {other} (95 %: {-gain.high:.3f} to {-gain.low:.3f})"
        for slice_, other, gain in found
        if gain.value + (gain.high - gain.value) * _widening(len(found)) < 0
    ]


def _compared(report: Report) -> Iterator[tuple[str, str, Estimate]]:
    """Yield slice, other ranker, and how much the model is above it."""
    for other, gains in report.gains.items():
        yield EVERYBODY, other, gains[MAIN]
    for name, its in report.slices.items():
        yield from ((name, other, gain) for other, gain in its.gains.items())


def _widening(comparisons: int) -> float:
    """Return by how much an interval of `LEVEL` is widened for so many comparisons."""
    tail = (1 - LEVEL / 100) / 2
    return float(norm.ppf(1 - tail / max(comparisons, 1)) / norm.ppf(1 - tail))
