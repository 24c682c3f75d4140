"""One server program as a child of ours: prepare its folder, spawn it, wait until it answers, stop it."""

import os
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import ClassVar

from api.embedded.errors import CannotStart
from api.embedded.home import Home, writing

PATIENCE_SECONDS = 90.0
STOP_SECONDS = 20.0
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
FULL_BYTES = 20_000_000
TROUBLE = ("fatal", "error", "exception", "panic", "no space left")


class Server(ABC):
    """What Kafka, PostgreSQL and Valkey have in common as children of this process.

    Parameters
    ----------
    home
        The folder they live in, held by us.
    """

    key: ClassVar[str]
    title: str
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.path / self.key
        self.log = self.folder / f"{self.key}.log"
        self.account: tuple[int, int] | None = None  # (uid, gid) to run as, where it must not be ours
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients find it."""

    @property
    def workplaces(self) -> list[Path]:
        """The folders its processes work in."""
        return [self.folder]

    @abstractmethod
    def prepare(self) -> None:
        """Bring its folder into the state that the server starts from; quick where it already is."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line of the server, to be run in `folder`."""

    @abstractmethod
    def ready(self) -> bool:
        """Say whether the server serves clients now."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Prepare, spawn and wait until it serves.

        Raises
        ------
        CannotStart
            It ended instead, or did not answer within 90 s.
        """
        began = monotonic()
        self.home.end_leftovers(self.workplaces, self.stop_signal)
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.prepare()
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
        self._process = self._spawn(self.command(), self.log)
        while self.pid is None or not self.ready():
            if self.pid is None:
                raise self._failure(f"{self.title} ended while starting", self.log)
            if monotonic() - began > PATIENCE_SECONDS:
                raise self._failure(f"{self.title} does not answer after {PATIENCE_SECONDS:.0f} s", self.log)
            self.home.pause()
        self.home.say(f"{self.title}: ready in {monotonic() - began:.1f} s, {self.address}")

    def run(self, command: list[str], what: str, words: str = "") -> None:
        """Run a program to its end in `folder`, `words` on its standard input.

        Raises
        ------
        CannotStart
            It failed, or the start was called off; it is not running any more.
        """
        log = self.folder / "setup.log"
        process = self._spawn(command, log, subprocess.PIPE)
        try:
            with suppress(BrokenPipeError), process.stdin or nullcontext() as pipe:
                if pipe:
                    pipe.write(words.encode())
            while process.poll() is None:
                self.home.pause()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode:
            raise self._failure(f"{self.title}: {what} failed", log)

    def ask_to_stop(self) -> None:
        """Send the signal for an orderly stop; `stop` waits for it."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop in an orderly way; kill it after 20 s."""
        self.ask_to_stop()
        if self._process:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _spawn(self, command: list[str], log: Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        uid, gid = self.account or (None, None)
        try:
            with log.open("wb") as sink:
                process = subprocess.Popen(  # noqa: S603 - our own command lines, no shell
                    command,
                    cwd=self.folder,
                    stdin=stdin,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"LC_ALL": LOCALE},  # a home named with ä must open in every locale
                    start_new_session=True,  # the terminal's Ctrl-C is for us: we stop them in order
                    user=uid,
                    group=gid,
                    extra_groups=None if uid is None else [],
                )
        except OSError as error:
            raise CannotStart(f"{self.title} cannot be run: {error}.") from error
        self.home.guard.watch(process.pid, self.stop_signal)
        return process

    def _failure(self, sentence: str, log: Path) -> CannotStart:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        full = shutil.disk_usage(self.folder).free < FULL_BYTES  # then even the log lacks its last words
        if full or any("no space left" in line.lower() for line in lines):
            return CannotStart(f"{sentence}: the disk under {self.folder} is full; make room and start again.")
        telling = (
            [line for line in lines if any(word in line.lower() for word in TROUBLE)] or lines or ["it said nothing"]
        )
        return CannotStart(f"{sentence}: {telling[-1][:300]} (all of it is in {log}).")


def wheel(package: str) -> Path:
    """Return the folder of an installed package without importing it: some make folders and clients when imported.

    Raises
    ------
    CannotStart
        It is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise CannotStart(f"The package {package} is not installed; install Vinkki's requirements again.")
    return Path(spec.origin).parent
