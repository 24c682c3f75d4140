"""The parts a command works on: given by address, those of a running demo, or embedded ones for its own time."""

import errno
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from engine.errors import Misconfigured
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


def check_port(settings: Settings) -> None:
    """See that the API can listen where it is told to.

    Raises
    ------
    Misconfigured
        Somebody else listens there, or the address is not this machine's.
    """
    try:
        ours = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(ours[0]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(ours[4])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                f"Port {settings.port} is in use; stop what uses it, or give another: --port."
            ) from error
        raise Misconfigured(
            f"Nobody can listen on {settings.host}:{settings.port} ({error.strerror or error}); "
            "set VINKKI_HOST to an address of this machine, or give another port: --port."
        ) from error


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
