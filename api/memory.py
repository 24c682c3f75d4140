"""The memory of this process that nobody needs any more."""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

_COMPILER = "libllvmlite"
_DONTNEED = 4
"""`MADV_DONTNEED` of Linux: pages of code are read from their file again should anybody run them."""


def give_back() -> None:
    """Give the system what loading needed: glibc keeps it for later, and there it would stay for good.

    With it goes the code of the compiler, 60 MB that nothing runs once all loops are compiled. A system without these
    calls keeps everything.
    """
    with contextlib.suppress(OSError, AttributeError):
        system = ctypes.CDLL(None)
        system.malloc_trim(0)
        for first, end in _code():
            system.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), _DONTNEED)


def _code() -> Iterator[tuple[int, int]]:
    """Yield where the compiler's code lies: only code, in which nothing was ever written that would be lost."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, *_, name = line.split()
        if rights == "r-xp" and _COMPILER in name:
            first, end = (int(address, 16) for address in span.split("-"))
            yield first, end
