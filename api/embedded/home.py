"""The folder that holds all state of the embedded parts: who owns it, its ports, and what an earlier run left."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event, Lock
from typing import IO

import psutil

from api.embedded.errors import CannotStart, InUse, explain
from api.embedded.guard import Guard

# Below every system's range for outgoing connections (Linux 32768, macOS 49152), so that none of them can take a port
# between our choice and the server's own bind, seconds later.
PORTS = range(20_000, 32_000)
PROGRAMS = frozenset({"java", "postgres", "valkey-server", "initdb"})


class Home:
    """The folder of one Vinkki, held by one process at a time.

    Parameters
    ----------
    path
        The folder; it is made where it is missing.
    say
        Told of progress, a sentence at a time.

    Raises
    ------
    InUse
        Another process holds it.
    CannotStart
        It cannot be written.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = path.resolve()
        self.halt = Event()
        self._say, self._one_at_a_time = say, Lock()
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.path / "lock")
        self.guard = Guard()

    def say(self, sentence: str) -> None:
        """Tell of progress; safe from any thread."""
        with self._one_at_a_time:
            self._say(sentence)

    def pause(self, seconds: float = 0.02) -> None:
        """Wait a moment, and raise CannotStart when the start was called off meanwhile."""
        if self.halt.wait(seconds):
            raise CannotStart("The start was called off.")

    def release(self) -> None:
        """Give the folder free for another process."""
        self.guard.close()
        self._lock.close()

    def ports(self, *names: str) -> dict[str, int]:
        """Return a free port of this machine for each name: the same as last time where it is still free."""
        file = self.path / "ports.json"
        kept: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(file.read_text())
        for name in names:
            if name not in kept or not is_free(kept[name]):
                kept[name] = free_port(taken=kept.values())
        with writing(file):
            file.write_text(json.dumps(kept, indent=2) + "\n")
        return kept

    def end_leftovers(self, folders: Iterable[Path], stop_signal: signal.Signals) -> None:
        """End servers that still work in these folders. We hold the home, so their owner is dead."""
        leftovers = [process for folder in folders for process in servers_in(folder)]
        if not leftovers:
            return
        ids = ", ".join(str(process.pid) for process in leftovers)
        self.say(f"Ending what an earlier run left behind in {self.path}: process {ids}")
        for process in leftovers:
            with contextlib.suppress(psutil.Error):
                process.send_signal(stop_signal)
        for process in psutil.wait_procs(leftovers, timeout=5)[1]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(leftovers, timeout=5)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the file system while `path` is written into one sentence."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def hold(file: Path) -> IO[str]:
    """Lock `file` for as long as the returned handle is open; the system lets go of it when we die.

    Raises
    ------
    InUse
        Another process holds it.
    """
    handle = file.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        owner = handle.read().strip()
        handle.close()
        raise InUse(
            f"Another Vinkki{f' (process {owner})' if owner else ''} already runs on {file.parent}; "
            "stop it first or choose another folder."
        ) from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: yesterday's connections do not count
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_port(taken: Iterable[int] = ()) -> int:
    """Return a port of 127.0.0.1 that nobody listens on and that is not in `taken`."""
    while True:
        port = secrets.choice(PORTS)
        if port not in set(taken) and is_free(port):
            return port


def servers_in(folder: Path) -> list[psutil.Process]:
    """Return the server processes whose working folder is `folder`: only ours work there."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() in PROGRAMS and Path(process.cwd()) == folder:
                found.append(process)
    return found
