"""Kafka's jars: fetched once, each checked against the committed lock before Java sees it."""

import hashlib
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from api.embedded.errors import FULL, CannotStart, check_room, megabytes
from api.embedded.home import Home, writing

LOCK = Path(__file__).with_name("kafka.lock.toml")
TRIES = 3
FETCHERS = 4  # one after the other takes twice as long; more gain nothing
SECONDS_BETWEEN_WORDS = 0.5


@dataclass(frozen=True)
class Jar:
    """One line of the lock: a Maven coordinate, its size and the SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    bytes: int
    sha256: str

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.artifact}-{self.version}.jar"

    def is_sound(self, path: Path) -> bool:
        """Say whether `path` holds exactly this jar. 43 MB take 0.1 s, so this is done at every start."""
        try:
            if path.stat().st_size != self.bytes:
                return False
            with path.open("rb") as handle:
                return hashlib.file_digest(handle, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


@dataclass(frozen=True)
class Lock:
    """The committed list of jars of one Kafka."""

    kafka: str
    jars: tuple[Jar, ...]


Fetch = Callable[[Jar, Path, Callable[[int], None]], Path]


def read_lock(path: Path = LOCK) -> Lock:
    """Read the lock file."""
    content = tomllib.loads(path.read_text())
    return Lock(content["kafka"], tuple(Jar(**jar) for jar in content["jar"]))


def default_cache() -> Path:
    """Return the folder that all homes of this user share, so that a second clone needs no network."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vinkki" / "kafka"


def fetch(jar: Jar, staging: Path, arrived: Callable[[int], None]) -> Path:
    """Bring one jar from the Maven repository into `staging` and return where it lies.

    Parameters
    ----------
    arrived
        Told the number of bytes of each chunk; may raise to call the transfer off.

    Raises
    ------
    OSError, RuntimeError
        There is no network, or it is not to be had.
    """
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - takes 0.3 s, needed once in a home's life

    @contextmanager
    def progress(_file: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield arrived

    resolver = PythonResolver(progress_callback=progress)
    context = MavenContext(resolver=resolver, repo_cache=staging / jar.file, timeout=10)
    return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()


class Supply:
    """Brings the jars of the lock into a home, from wherever they are to be had.

    Parameters
    ----------
    home
        The jars go to its folder ``jars``.
    given
        A folder that has them all, for a machine without network; nothing is fetched then.
    cache
        A folder shared between homes: looked into before anything is fetched, and filled.
    lock, fetch
        What to bring, and how to bring one of them.
    pause_seconds
        Between two tries; longer after each.
    """

    def __init__(  # noqa: PLR0913 - what a test gives, a start leaves as it is
        self,
        home: Home,
        given: Path | None = None,
        cache: Path | None = None,
        *,
        lock: Lock | None = None,
        fetch: Fetch = fetch,
        pause_seconds: float = 1.0,
    ) -> None:
        self.home, self.given, self.cache = home, given, cache or default_cache()
        self.lock, self.fetch, self.pause_seconds = lock or read_lock(), fetch, pause_seconds
        self.folder = home.path / "jars"
        self._staging = home.path / "jars.coming"
        self._last_word = monotonic()

    def bring(self) -> Path:
        """Make the folder hold exactly the sound jars of the lock, and return it.

        Raises
        ------
        CannotStart
            A jar is not to be had, or the disk is full.
        """
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            wanted = {jar.file: jar for jar in self.lock.jars}
            for path in self.folder.iterdir():
                if path.name not in wanted:
                    path.unlink()
            missing = [jar for jar in self.lock.jars if not self._is_here(jar)]
            if missing:
                check_room(self.home.path, 3 * sum(jar.bytes for jar in missing))
                shutil.rmtree(self._staging, ignore_errors=True)
                self._staging.mkdir()
                self._bring_all(missing)
                shutil.rmtree(self._staging, ignore_errors=True)
        return self.folder

    def _is_here(self, jar: Jar) -> bool:
        path = self.folder / jar.file
        if jar.is_sound(path):
            return True
        if path.exists():
            self.home.say(f"Kafka {self.lock.kafka}: {jar.file} is damaged; removed, to be brought anew")
            path.unlink()
        return False

    def _bring_all(self, missing: list[Jar]) -> None:
        left = sum(jar.bytes for jar in missing)
        self.home.say(f"Kafka {self.lock.kafka}: bringing {len(missing)} jars, {megabytes(left)} MB")
        with ThreadPoolExecutor(FETCHERS) as pool:
            coming = {pool.submit(self._bring, jar): jar for jar in missing}
            try:
                for count, done in enumerate(as_completed(coming), start=1):
                    done.result()
                    left -= coming[done].bytes
                    self._report(count, len(missing), left)
            finally:
                pool.shutdown(cancel_futures=True)

    def _report(self, count: int, total: int, left: int) -> None:
        if left and monotonic() - self._last_word < SECONDS_BETWEEN_WORDS:
            return
        self._last_word = monotonic()
        to_go = f", {megabytes(left)} MB to go" if left else ", all here and checked"
        self.home.say(f"Kafka {self.lock.kafka}: {count} of {total} jars{to_go}")

    def _bring(self, jar: Jar) -> None:
        source = self._from_given(jar) if self.given else self._from_cache(jar) or self._from_network(jar)
        source.replace(self.folder / jar.file)

    def _from_given(self, jar: Jar) -> Path:
        for path in (self.given or self.folder).rglob(jar.file):
            if copy := self._copy(jar, path):
                return copy
        raise CannotStart(
            f"{jar.file} is missing or damaged in {self.given}, the folder that VINKKI_KAFKA_JARS names; put it there."
        )

    def _from_cache(self, jar: Jar) -> Path | None:
        return self._copy(jar, self.cache / jar.file)

    def _copy(self, jar: Jar, path: Path) -> Path | None:
        self.home.pause(0)
        if not jar.is_sound(path):
            return None
        return Path(shutil.copyfile(path, self._staging / jar.file))

    def _from_network(self, jar: Jar) -> Path:
        trouble = "what came is not what the lock says"
        for attempt in range(TRIES):
            self.home.pause(attempt * self.pause_seconds)
            staging = self._staging / str(attempt)
            try:
                path = self.fetch(jar, staging, lambda _bytes: self.home.pause(0))
            except (OSError, RuntimeError) as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise
                trouble = type(error).__name__
                self.home.say(f"Kafka {self.lock.kafka}: {jar.file} did not come ({trouble}); trying again")
                continue
            if jar.is_sound(path):
                self._keep(jar, path)
                return path
        raise CannotStart(
            f"{jar.file} could not be fetched ({trouble}): the first start needs a network; "
            "connect this machine, or name a folder that holds Kafka's jars in VINKKI_KAFKA_JARS, and start again."
        )

    def _keep(self, jar: Jar, path: Path) -> None:
        """Put a copy into the cache, which is a help and no duty: a read-only one is left as it is."""
        with suppress(OSError):
            self.cache.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, draft := self.cache / f".{jar.file}.{os.getpid()}")
            draft.replace(self.cache / jar.file)
