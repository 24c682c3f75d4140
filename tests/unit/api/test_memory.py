"""What is given back is missed by nobody: loops that were compiled run on, and others can still be compiled."""

import numba
import psutil

from api.memory import give_back


def compiler() -> int:
    """Return how many bytes of the compiler's code are resident."""
    maps = psutil.Process().memory_maps(grouped=False)
    return sum(its.rss for its in maps if "libllvmlite" in its.path and its.perms == "r-xp")


def test_after_the_compilers_code_was_given_back_it_still_compiles():
    @numba.njit
    def twice(n: int) -> int:
        return 2 * n

    assert twice(21) == 42
    assert compiler() > 5_000_000
    give_back()
    assert compiler() < 1_000_000
    assert twice(21) == 42
    assert twice(1.5) == 3.0
