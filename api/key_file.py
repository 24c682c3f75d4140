"""A secret in a file of its own: made when first needed, readable by its owner alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from engine.errors import Misconfigured


def keep(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what the file holds, making it where it is missing.

    Two processes may do so at once: the first to link its file into place wins for both.

    Raises
    ------
    Misconfigured
        The file cannot be read or written.
    """
    try:
        if not path.exists():
            _write(path, make())
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"The key {path} cannot be kept ({error.strerror}); choose another folder.") from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
