"""Logs of what was shown, from a file, and all that can be estimated from them.

A log is a CSV file with a line for each showing: ``action``, ``reward`` and ``propensity``, and the judged policy's
probability of the same, ``target``, or of every action, ``target:ACTION``. It may have a ``person``, so that one
person's lines move together, and what was known at the time as numbers, ``x:NAME``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.off_policy import CLIP, Log, Value, Vector, doubly_robust, ips, snips
from models.reward_model import fitted
from models.split_files import Row, rows

_TARGET, _KNOWN = "target:", "x:"


class Logged(NamedTuple):
    """A log, and the judged policy's probability of every action, (n, actions), where the file tells it."""

    log: Log
    policy: Vector | None


def read_log(path: Path) -> Logged:
    """Read a log, gzipped if its name says so.

    Raises
    ------
    InvalidInput
        The file or a column is missing, a line cannot be read, or it says what cannot be (`models.off_policy.Log`).
    """
    found = list(rows(path, ("action", "reward", "propensity")))
    columns = list(found[0].cells) if found else []
    actions = [column.removeprefix(_TARGET) for column in columns if column.startswith(_TARGET)]
    if found and not actions and "target" not in columns:
        raise found[0].wrong("neither target nor target:ACTION is among the columns")
    numbers = _numbers(found, actions)
    policy = _decimals(found, [_TARGET + action for action in actions]) if actions else None
    targets = _decimals(found, ["target"])[:, 0] if policy is None else policy[np.arange(len(found)), numbers]
    log = Log(
        contexts=_decimals(found, [column for column in columns if column.startswith(_KNOWN)]),
        actions=numbers,
        rewards=_decimals(found, ["reward"])[:, 0],
        propensities=_decimals(found, ["propensity"])[:, 0],
        targets=targets,
        people=_people(found),
    )
    return Logged(log, policy)


def estimates(logged: Logged, clip: float = CLIP) -> list[Value]:
    """Return IPS, SNIPS and, where the policy's probability of every action is known, DR."""
    found = [ips(logged.log, clip), snips(logged.log, clip)]
    if logged.policy is not None:
        found.append(doubly_robust(logged.log, fitted(logged.log, logged.policy), clip))
    return found


def _numbers(found: Sequence[Row], actions: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return what was shown as numbers: positions among the actions that have a target, or in order of appearance."""
    known = {action: number for number, action in enumerate(actions)}
    numbers = []
    for row in found:
        action = row.text("action")
        if actions and action not in known:
            raise row.wrong(f"the column {_TARGET}{action} is missing")
        numbers.append(known.setdefault(action, len(known)))
    return np.array(numbers, np.int32)


def _people(found: Sequence[Row]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return each line's person as a number; a line without one is somebody else's than all others."""
    known = dict[str, int]()
    return np.array(
        [known.setdefault(row.text("person", f"line {row.line}"), len(known)) for row in found], dtype=np.int64
    )


def _decimals(found: Sequence[Row], columns: Sequence[str]) -> Vector:
    return np.array([[row.decimal(column) for column in columns] for row in found]).reshape(len(found), len(columns))
