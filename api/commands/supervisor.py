"""Keeps child processes of this program: starts them, starts them again when they die, and stops them in order."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from api.embedded.guard import Guard
from engine.errors import VinkkiError


class ChildFailed(VinkkiError):
    """A process of Vinkki keeps dying; its log says why."""

    code = "child_failed"


@dataclass
class Child:
    """One process: `vinkki COMMAND` with a log of its own."""

    command: str
    process: subprocess.Popen[bytes]
    log: Path
    deaths: int = 0


class Supervisor:
    """Starts `vinkki` commands as processes of their own.

    Parameters
    ----------
    logs
        Folder of their logs.
    environment
        What they get on top of ours.
    say
        Told when one had to be started again.
    """

    MOST_DEATHS = 5

    def __init__(self, logs: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._say = say
        self._children: list[Child] = []
        # Whatever ends this process, even SIGKILL, the guard stops the children.
        self._guard = Guard()

    def start(self, command: str) -> Child:
        """Start `vinkki COMMAND`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{command}.log"
        child = Child(command, self._spawn(command, log), log)
        self._children.append(child)
        return child

    def look(self) -> None:
        """Start again what has died.

        Raises
        ------
        ChildFailed
            It has died five times.
        """
        for child in self._children:
            if (code := child.process.poll()) is None:
                continue
            child.deaths += 1
            if child.deaths >= self.MOST_DEATHS:
                raise ChildFailed(f"`vinkki {child.command}` died {child.deaths} times; see {child.log}.")
            self._say(f"`vinkki {child.command}` ended with {code}; starting it again (log: {child.log})")
            child.process = self._spawn(child.command, child.log)

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
        """Wait for `ready`, while the children live.

        Raises
        ------
        ChildFailed
            It took longer than `seconds`, or a child keeps dying.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.look()
            if time.monotonic() > deadline:
                raise ChildFailed(f"{what} was not ready after {seconds:.0f} s; see the logs in {self._logs}.")
            time.sleep(0.1)

    def stop(self, patience_seconds: float = 15.0) -> None:
        """Stop the children, the last started first, each in its own order; then the guard."""
        for child in reversed(self._children):
            child.process.terminate()
            try:
                child.process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._guard.close()

    def _spawn(self, command: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
                [sys.executable, "-m", "api", command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment,
                start_new_session=True,  # the terminal's Ctrl-C is for the parent, which stops them in order
            )
        self._guard.watch(process.pid)
        return process
