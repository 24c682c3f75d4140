"""What to expect of what was not shown: ridge regressions, for doubly robust estimates (`models.off_policy`)."""

import numpy as np

from engine.errors import InvalidInput
from models.off_policy import Direct, Log, Vector

FOLDS = 5
RIDGE = 1.0


def fitted(log: Log, policy: Vector) -> Direct:
    """Return what ridge regressions, one an action, expect of people whom they were not fitted to.

    Parameters
    ----------
    policy
        The judged policy's probability of each action in each row, of shape (n, actions).

    Raises
    ------
    InvalidInput
        `policy` is not of that shape or says something else than the log of what was shown.
    """
    rows = np.arange(len(log))
    if len(policy) != len(log) or log.actions.max(initial=-1) >= policy.shape[1]:
        raise InvalidInput("A policy has a row for each row of the log and a column for each action; this one has not.")
    if not np.allclose(policy[rows, log.actions], log.targets):
        raise InvalidInput("The policy's probabilities of what was shown are not those of the log.")
    expected, contexts = np.zeros(policy.shape), _scaled(log.contexts)
    part = np.unique(log.people, return_inverse=True)[1] % FOLDS
    for held in (part == number for number in range(FOLDS)):
        overall = float(log.rewards[~held].mean()) if (~held).any() else 0.0
        for action in range(policy.shape[1]):
            own = ~held & (log.actions == action)
            expected[held, action] = _ridge(contexts[own], log.rewards[own], contexts[held], overall)
    return Direct(expected[rows, log.actions], (policy * expected).sum(axis=1))


def _scaled(contexts: Vector) -> Vector:
    """Return features of a spread of 1, so that the ridge bears on all alike."""
    spread = contexts.std(axis=0) if len(contexts) else np.ones(contexts.shape[1])
    return np.asarray(contexts / np.where(spread > 0, spread, 1.0))


def _ridge(contexts: Vector, rewards: Vector, asked: Vector, overall: float) -> Vector:
    """Return the rewards expected where it is asked; an action that was hardly shown is expected to be like all."""
    mean = (rewards.sum() + RIDGE * overall) / (len(rewards) + RIDGE)
    if not len(rewards):
        return np.full(len(asked), mean)
    middle = contexts.mean(axis=0)
    apart = contexts - middle
    slopes = np.linalg.solve(apart.T @ apart + RIDGE * np.eye(apart.shape[1]), apart.T @ (rewards - rewards.mean()))
    return np.asarray(mean + (asked - middle) @ slopes)
