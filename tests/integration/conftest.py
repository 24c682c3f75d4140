"""The real servers that the integration tests talk to: started once from the wheels, or given by address."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.embedded import Addresses, Parts, start

JARS = Path(os.environ["VINKKI_KAFKA_JARS"]) if os.environ.get("VINKKI_KAFKA_JARS") else None

Begin = Callable[..., Parts]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """All three parts, shared by the whole run: leave them running, and use names of your own in them."""
    folder = tmp_path_factory.mktemp("parts")
    started = start(
        folder,
        say=print,
        jars=JARS,
        kafka=os.environ.get("VINKKI_KAFKA"),
        database=os.environ.get("VINKKI_DATABASE"),
        redis=os.environ.get("VINKKI_REDIS"),
    )
    yield started
    started.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def addresses(parts: Parts) -> Addresses:
    """Where the shared parts are found."""
    return parts.addresses


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for parts, removed after the test: a home takes 100 MB."""
    yield tmp_path / "home"
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.fixture
def own_parts(home: Path) -> Iterator[Begin]:
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
            mine = start(folder or home, say=say, jars=JARS, kafka=kafka, database=database, redis=redis)
            started.callback(mine.stop)
            return mine

        yield begin
