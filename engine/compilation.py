"""Loops compiled with numba at their first call and kept on disk, and what they need of the processor."""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])


SOURCES = (
    "catalogue",
    "columns",
    "compilation",
    "contributions",
    "events",
    "kernels",
    "learned",
    "offers",
    "taste",
    "topmost",
    "variety",
)
"""Modules that compiled loops take each other and constants from: when one changes, what is kept on disk is stale."""


def compiled(function: F) -> F:
    """Compile a loop; it lets other threads run, and may add in any order, so that it adds eight at a time.

    The machine code is kept beside the source, else in the user's cache; where neither can be written, nowhere.
    """
    fast = {"reassoc", "contract", "nsz"}
    try:
        loop: Any = numba.njit(function, cache=True, nogil=True, error_model="numpy", fastmath=fast)
    except RuntimeError:
        return cast("F", numba.njit(function, nogil=True, error_model="numpy", fastmath=fast))
    # Numba itself looks at the one file that a loop stands in, and would go on with the others' old constants.
    loop._cache._cache_file._source_stamp = stamp(function.__code__.co_filename)  # noqa: SLF001 - no open way to it
    return cast("F", loop)


@cache
def stamp(home: str = __file__) -> str:
    """Return a hash of the sources that machine code is made from.

    Parameters
    ----------
    home
        The file that the loop stands in. If it is of another room, all files beside it count.
    """
    own = [Path(__file__).with_name(f"{name}.py") for name in SOURCES]
    beside = sorted(Path(home).parent.glob("*.py")) if Path(home).parent != Path(__file__).parent else []
    sources = dict.fromkeys([*own, *beside, Path(home)])
    return blake2b(b"\0".join(source.read_bytes() for source in sources), digest_size=16).hexdigest()


@cast("Callable[[Callable[..., Any]], Callable[[NDArray[Any], np.uint64], None]]", intrinsic)
def fetch(_: Any, matrix: Any, row: Any) -> Any:  # noqa: ANN401 - numba's types
    """Ask for a row ahead of its use: as rows between are skipped, the processor cannot guess it."""
    utilities: Any = cgutils

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401 - as above
        kind = signature.args[0]
        held = context.make_array(kind)(context, builder, values[0])
        first = [values[1], context.get_constant(types.uint64, 0)]
        start = utilities.get_item_pointer(context, builder, kind, held, first, wraparound=False)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        prefetch = utilities.get_or_insert_function(builder.module, form, "llvm.prefetch.p0i8")
        for line in range(4):
            at = builder.gep(builder.bitcast(start, byte), [ir.Constant(ir.IntType(64), 64 * line)])
            builder.call(prefetch, [at, *(ir.Constant(flag, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(matrix, row), generate
