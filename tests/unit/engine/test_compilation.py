import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import compilation, kernels, topmost, variety
from engine.compilation import SOURCES, stamp

ENGINE = Path(compilation.__file__).parent
LOOPS = (kernels.rank, variety.vary, topmost.best_of)


def imported(name: str) -> set[str]:
    """The engine's modules that one of them takes something from."""
    tree = ast.parse((ENGINE / f"{name}.py").read_text("utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {module.removeprefix("engine.") for module in modules if module.startswith("engine.")}


def test_machine_code_is_stale_as_soon_as_a_source_of_it_changes():
    loops = {path.stem for path in ENGINE.glob("*.py") if "@compiled" in path.read_text("utf-8")} - {"compilation"}
    assert loops <= set(SOURCES)
    for name in loops:
        assert imported(name) <= set(SOURCES)
    assert all(loop._cache._cache_file._source_stamp == stamp() for loop in LOOPS)


def test_machine_code_of_another_room_is_stale_as_soon_as_a_file_beside_it_changes(tmp_path):
    home, beside = tmp_path / "loops.py", tmp_path / "numbers.py"
    home.write_text("from numbers import MOST")
    beside.write_text("MOST = 1")
    stamp.cache_clear()
    before = stamp(str(home))
    beside.write_text("MOST = 2")
    stamp.cache_clear()
    assert stamp(str(home)) != before


FIRST = """
import asyncio, importlib
from engine.compilation import SOURCES
from engine.residents import Interests
from tests.unit.engine.test_suggestion import ALL, CITY, NOW, SWIM, SWIMMER, ask, suggester
modules = [importlib.import_module(f"engine.{name}") for name in SOURCES]
loops = {loop.__name__: loop for its in modules for loop in vars(its).values() if hasattr(loop, "signatures")}
suggester(CITY).warm_up(NOW)
warm = {name: len(loop.signatures) for name, loop in loops.items()}
bases = [asyncio.run(ask(CITY, *ALL, **state)).basis for state in (
    {}, {"told": Interests(keywords=(SWIM[0].keywords[0].id,))}, {"learned": SWIMMER},
)]
print(*bases, *sorted(name for name, loop in loops.items() if len(loop.signatures) > warm[name]))
"""


def test_the_first_resident_waits_for_no_loop_to_be_compiled():
    run = [sys.executable, "-c", FIRST]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120, cwd=ENGINE.parent)
    assert done.stdout.split() == ["popular", "stated", "personal"]


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=60), st.integers(1, 80))
@settings(deadline=None)
def test_the_best_come_in_order_whatever_the_floats(scores, most):
    rows = np.arange(len(scores), dtype=np.uint32)
    best, at = topmost.best_of(np.array(scores, np.float32), rows, most)
    # Nought with a minus is below the one without, as its bits are; -score would not tell them apart.
    falling = sorted((-score, np.signbit(score), row) for row, score in enumerate(scores) if score > -np.inf)
    assert list(zip(best.tolist(), at.tolist(), strict=True)) == [(-score, row) for score, _, row in falling][:most]


@given(st.integers(0, 6_000), st.integers(1, 300), st.integers(0, 2**32 - 1), st.booleans())
@settings(deadline=None, max_examples=60)
def test_the_best_of_many_are_those_of_a_sort(size, most, seed, coarse):
    scores = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    scores = scores.round(1) if coarse else scores
    best, at = topmost.best_of(scores, np.arange(size, dtype=np.uint32), most)
    assert best.tolist() == np.sort(scores)[::-1][:most].tolist()
    assert scores[at].tolist() == best.tolist()
    assert len(set(at.tolist())) == len(at)
