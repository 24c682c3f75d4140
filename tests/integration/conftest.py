"""Parts of a test's own, which it may kill; those that all share are in the folder above."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.embedded import Parts, start

Begin = Callable[..., Parts]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for parts, removed after the test: a home takes 100 MB."""
    yield tmp_path / "home"
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.fixture
def own_parts(home: Path, jars: Path | None) -> Iterator[Begin]:
    """Return a function that starts parts of the test's own, which it may kill; takes what `start` takes.

    Without a folder each call uses the same one, the fixture `home`. What still runs at its end is stopped.
    """
    with ExitStack() as started:

        def begin(
            folder: Path | None = None,
            say: Callable[[str], None] = print,
            kafka: str | None = None,
            database: str | None = None,
            redis: str | None = None,
        ) -> Parts:
            mine = start(folder or home, say=say, jars=jars, kafka=kafka, database=database, redis=redis)
            started.callback(mine.stop)
            return mine

        yield begin
