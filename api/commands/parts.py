"""The parts a command works on: given by address, those of a running demo, or embedded ones for its own time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from engine.settings import Settings

RUNNING = "running.json"


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once."""
    print(sentence, flush=True)


def note_running(home: Path, settings: Settings) -> None:
    """Leave word of a running demo: where its parts are, and whose process it is."""
    me = psutil.Process()
    addresses = {"kafka": settings.kafka, "database": settings.database, "redis": settings.redis}
    word = {"pid": me.pid, "started": me.create_time(), "port": settings.port, "addresses": addresses}
    path = home / RUNNING
    path.touch(mode=0o600)
    path.write_text(json.dumps(word))


def running(settings: Settings) -> Settings | None:
    """Return the settings of the demo that runs on this home, or None."""
    try:
        word = json.loads((settings.home / RUNNING).read_text())
        alive = psutil.Process(word["pid"]).create_time() == word["started"]
    except (OSError, ValueError, KeyError, psutil.Error):
        return None
    return settings.model_copy(update={**word["addresses"], "port": word["port"]}) if alive else None


def last_port(settings: Settings) -> int:
    """Return the port of the demo that runs or last ran on this home, else the one that is set."""
    try:
        return int(json.loads((settings.home / RUNNING).read_text())["port"])
    except (OSError, ValueError, KeyError):
        return settings.port


def addressed(settings: Settings) -> bool:
    """Say whether every part has an address, so that nothing embedded is needed."""
    return None not in (settings.kafka, settings.database, settings.redis)


@contextmanager
def parts(settings: Settings) -> Iterator[Settings]:
    """Give settings whose parts all have an address; parts started for this are stopped at the end."""
    if addressed(settings):
        yield settings
    elif (found := running(settings)) is not None:
        yield found
    else:
        from api.embedded import start  # noqa: PLC0415 - only where embedded parts are needed

        started = start(
            settings.home,
            say=say,
            jars=settings.kafka_jars,
            kafka=settings.kafka,
            database=settings.database,
            redis=settings.redis,
        )
        try:
            a = started.addresses
            yield settings.model_copy(update={"kafka": a.kafka, "database": a.database, "redis": a.redis})
        finally:
            started.stop()
