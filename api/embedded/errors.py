"""What keeps an embedded part from starting, each as one sentence for the person at the terminal."""

import errno
import shutil
from pathlib import Path

from engine.errors import Misconfigured

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class CannotStart(Misconfigured):
    """A part cannot be started here; do what the message says and start again."""

    code = "cannot_start"


class InUse(CannotStart):
    """Another Vinkki already runs on this folder; stop it first or choose another folder."""

    code = "in_use"


def check_room(folder: Path, needed_bytes: int) -> None:
    """See that the disk under `folder` has room for what is about to be written.

    Raises
    ------
    CannotStart
        It has less; the sentence says how much is needed and where.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise CannotStart(
            f"The disk is too full: {folder} needs {megabytes(needed_bytes)} MB and {megabytes(free)} MB are free; "
            "make room or choose another folder."
        )


def explain(error: OSError, folder: Path) -> CannotStart:
    """Return the sentence for an error of the file system while `folder` was being written."""
    if error.errno in FULL:
        return CannotStart(f"The disk ran full while {folder} was being written; make room and start again.")
    return CannotStart(f"The folder {folder} cannot be written ({error.strerror or error}); choose another one.")


def megabytes(count: int) -> int:
    """Return bytes as whole megabytes (10^6 bytes), rounded up."""
    return -(-count // 1_000_000)
