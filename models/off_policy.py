"""What another policy would have earned, from a log of what was shown, with which probability, and what came of it.

Three estimates, for which nothing need be shown to anybody:

- IPS weighs each reward with the judged policy's probability of what was shown over the logged one: unbiased, noisy.
- SNIPS divides by the weights' sum instead of the number of rows: slightly biased, less noisy.
- DR (doubly robust) takes a model's expectation and corrects it by the weighted errors of the model: right when either
  the propensities or the model are.

Weights above `CLIP` are cut down to it, which every value tells. All intervals are of 95 %, over people.

References
----------
Horvitz, D. and Thompson, D. (1952), JASA 47(260). Swaminathan, A. and Joachims, T. (2015), The self-normalized
estimator for counterfactual learning, NeurIPS. Dudík, M., Langford, J. and Li, L. (2011), Doubly robust policy
evaluation and learning, ICML.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInput
from models.bootstrap import Estimate, bootstrap, bootstrap_difference, clustered

CLIP = 100.0
LEAST_EFFECTIVE = 100.0
"""With a smaller effective number of rows nothing is said."""
LEAST_REWARDED = 30
"""With fewer rewarded rows that the target policy might have shown too, nothing is said."""
MOST_GROUPS = 10_000
"""More people than this are drawn in so many groups, which is as right and takes no longer."""

Vector = NDArray[np.float64]
Method = Literal["IPS", "SNIPS", "DR"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Log:
    """What was shown, and what came of it; arrays of shape (n,), but for `contexts`: (n, features).

    Attributes
    ----------
    contexts
        What was known when it was chosen.
    actions
        The number of what was shown.
    rewards
        What came of it, such as 1 for a click.
    propensities
        The probability with which the policy at that time chose what was shown, above 0.
    targets
        The probability with which the judged policy chooses the same.
    people
        Whose row it is, as any number: the rows of one person are drawn together.

    Raises
    ------
    InvalidInput
        The arrays differ in length, something is not a number, or a probability lies outside its bounds.
    """

    contexts: Vector
    actions: NDArray[np.int32]
    rewards: Vector
    propensities: Vector
    targets: Vector
    people: NDArray[np.int64]

    def __post_init__(self) -> None:
        columns = (self.contexts, self.actions, self.rewards, self.propensities, self.targets, self.people)
        if len({len(column) for column in columns}) > 1:
            raise InvalidInput("The columns of a log are equally long; these are not.")
        for name in ("contexts", "rewards", "propensities", "targets"):
            if (bad := ~np.isfinite(getattr(self, name))).any():
                raise _wrong(name, bad, "is not a number")
        if (bad := (self.propensities <= 0) | (self.propensities > 1)).any():
            raise _wrong("propensities", bad, "is not above 0 and at most 1")
        if (bad := (self.targets < 0) | (self.targets > 1)).any():
            raise _wrong("targets", bad, "is not between 0 and 1")

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def weights(self) -> Vector:
        """How much more often the judged policy shows what was shown, before any clipping."""
        return np.asarray(self.targets / self.propensities)


class Direct(NamedTuple):
    """What a model of rewards expects, of shape (n,) both: of what was `shown`, and of what the policy `would` show."""

    shown: Vector
    would: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What the judged policy would have earned a row.

    Attributes
    ----------
    estimate
        The reward a row.
    gain
        How much more that is than what was earned.
    rows, effective
        How many rows there are, and how many equally weighted ones would tell as much (Kish).
    rewarded
        How many rows have a reward and might have been shown by the policy too.
    clip, clipped
        Weights were cut down to `clip`; the share of rows for which that was so.
    weight
        The mean weight before clipping: 1 where the propensities are right and the log shows all that the policy would.
    """

    method: Method
    estimate: Estimate
    gain: Estimate
    rows: int
    effective: float
    rewarded: int
    clip: float
    clipped: float
    weight: Estimate

    @property
    def enough(self) -> bool:
        """Whether the log says anything about this policy."""
        return self.effective >= LEAST_EFFECTIVE and self.rewarded >= LEAST_REWARDED

    @property
    def words(self) -> str:
        """What to conclude, in a sentence or two."""
        return " ".join(filter(None, (_verdict(self), _clipping(self), _doubt(self))))


def ips(log: Log, clip: float = CLIP) -> Value:
    """Return the estimate by inverse propensities."""
    return _value("IPS", log, clip, lambda weights: (weights * log.rewards, np.ones(len(log))))


def snips(log: Log, clip: float = CLIP) -> Value:
    """Return the self-normalised estimate by inverse propensities."""
    return _value("SNIPS", log, clip, lambda weights: (weights * log.rewards, weights))


def doubly_robust(log: Log, direct: Direct, clip: float = CLIP) -> Value:
    """Return the estimate by a model of rewards (`models.reward_model`, or any), corrected by inverse propensities."""
    return _value(
        "DR", log, clip, lambda weights: (direct.would + weights * (log.rewards - direct.shown), np.ones(len(log)))
    )


def effective_rows(weights: Vector) -> float:
    """Return how many equally weighted rows tell as much as these.

    References
    ----------
    Kish, L. (1965), Survey Sampling, section 8.2.
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _value(method: Method, log: Log, clip: float, parts: Callable[[Vector], tuple[Vector, Vector]]) -> Value:
    weights = np.minimum(log.weights, clip)
    above, below = parts(weights)
    ones = np.ones(len(log))
    groups = np.unique(log.people, return_inverse=True)[1] % MOST_GROUPS
    sums = clustered(groups, [above, log.rewards, log.weights])
    counts = clustered(groups, [below, ones, ones])
    estimate, _, weight = bootstrap(sums, counts)
    return Value(
        method=method,
        estimate=estimate,
        gain=bootstrap_difference(sums[:, :2], counts[:, :2]),
        rows=len(log),
        effective=effective_rows(weights),
        rewarded=int(((log.rewards != 0) & (weights > 0)).sum()),
        clip=clip,
        clipped=float((log.weights > clip).mean()) if len(log) else 0.0,
        weight=weight,
    )


def _verdict(value: Value) -> str:
    if value.effective < LEAST_EFFECTIVE:
        return (
            f"Too few to say: {value.rows:,} rows tell as much of this policy as {value.effective:,.0f} would if it "
            f"had chosen them itself, and {LEAST_EFFECTIVE:,.0f} are needed."
        )
    if value.rewarded < LEAST_REWARDED:
        return (
            f"Too few to say: {value.rewarded:,} of the {value.rows:,} rows have a reward and might be this "
            f"policy's, and {LEAST_REWARDED:,} are needed."
        )
    low, high = f"{value.gain.low:+.4g}", f"{value.gain.high:+.4g}"
    if value.gain.sign:
        than = "more" if value.gain.sign > 0 else "less"
        return f"The policy earns {than} a row than what was logged: by {value.gain.value:+.4g} ({low} to {high})."
    return f"No difference to what was logged can be told: it lies between {low} and {high} a row."


def _clipping(value: Value) -> str:
    return f"Weights were cut down to {value.clip:g} in {value.clipped:.2%} of the rows." if value.clipped else ""


def _doubt(value: Value) -> str:
    if not value.rows or value.weight.low <= 1 <= value.weight.high:
        return ""
    return (
        f"The mean weight is {value.weight.value:.3g} where 1 is due: the propensities are wrong, or the log never "
        "shows some of what the policy would."
    )


def _wrong(name: str, bad: NDArray[Any], why: str) -> InvalidInput:
    row = int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
    return InvalidInput(f"A value of {name} {why}, in row {row}; correct the log.", field=name)
