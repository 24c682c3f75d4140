"""What is written is to be there after a loss of power too."""

import os
from typing import IO, Any


def synced(file: IO[Any]) -> None:
    """See that what was written to a file is on disk."""
    file.flush()
    os.fsync(file.fileno())
