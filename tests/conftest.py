"""The real servers that integration tests and journeys talk to: started once from the wheels, or given by address."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.embedded import Addresses, Parts, start


@pytest.fixture(scope="session")
def jars() -> Path | None:
    """Kafka's jars, where the machine has them already."""
    return Path(given) if (given := os.environ.get("VINKKI_KAFKA_JARS")) else None


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory, jars: Path | None) -> Iterator[Parts]:
    """All three parts, shared by the whole run: leave them running, and use names of your own in them."""
    folder = tmp_path_factory.mktemp("parts")
    started = start(
        folder,
        say=print,
        jars=jars,
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
