import errno
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.embedded import CannotStart
from api.embedded.home import Home
from api.embedded.jars import Jar, Lock, Supply, read_lock

CONTENT = {name: name.encode() * 100 for name in ("broker", "clients", "compression")}
JARS = tuple(
    Jar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
)


class Repository:
    """A Maven repository in memory: what it holds can be changed, and it counts what was asked of it."""

    def __init__(self) -> None:
        self.content = dict(CONTENT)
        self.asked: list[str] = []
        self.trouble: list[Exception] = []

    def fetch(self, jar: Jar, staging: Path, arrived: Callable[[int], None]) -> Path:
        self.asked.append(jar.artifact)
        if self.trouble:
            raise self.trouble.pop()
        arrived(jar.bytes)
        path = staging / jar.artifact / jar.file
        path.parent.mkdir(parents=True)
        path.write_bytes(self.content[jar.artifact])
        return path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def home(tmp_path: Path, said: list[str]) -> Iterator[Home]:
    held = Home(tmp_path / "home", said.append)
    yield held
    held.release()


@pytest.fixture
def repository() -> Repository:
    return Repository()


@pytest.fixture
def supply(home: Home, repository: Repository, tmp_path: Path) -> Supply:
    return Supply(home, cache=tmp_path / "cache", lock=Lock("1.0", JARS), fetch=repository.fetch, pause_seconds=0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ALL = sorted(jar.file for jar in JARS)


def test_the_committed_lock_names_each_jar_once_with_its_checksum_and_no_host() -> None:
    lock = read_lock()
    assert lock.kafka == "4.1.0"
    assert len({jar.file for jar in lock.jars}) == len(lock.jars) == 46
    assert all(len(jar.sha256) == 64 and jar.bytes > 0 for jar in lock.jars)
    assert {"kafka_2.13-4.1.0.jar", "slf4j-simple-1.7.36.jar"} <= {jar.file for jar in lock.jars}


def test_a_first_start_fetches_every_jar_says_so_and_leaves_no_drafts(
    supply: Supply, repository: Repository, said: list[str], tmp_path: Path
) -> None:
    assert names(supply.bring()) == ALL
    assert sorted(repository.asked) == sorted(CONTENT)
    assert said[0] == "Kafka 1.0: bringing 3 jars, 1 MB"
    assert said[-1] == "Kafka 1.0: 3 of 3 jars, all here and checked"
    assert names(tmp_path / "home") == ["jars", "lock"]


def test_a_later_start_asks_nobody(supply: Supply, repository: Repository) -> None:
    supply.bring()
    repository.asked.clear()
    supply.bring()
    assert repository.asked == []


def test_another_home_takes_its_jars_from_the_cache(supply: Supply, repository: Repository, tmp_path: Path) -> None:
    supply.bring()
    repository.asked.clear()
    other = Home(tmp_path / "other", print)
    second = Supply(other, cache=tmp_path / "cache", lock=Lock("1.0", JARS), fetch=repository.fetch)
    assert names(second.bring()) == ALL
    assert repository.asked == []
    other.release()


@pytest.mark.parametrize("damage", [b"", b"broker" * 50, b"brokes" * 100])
def test_a_damaged_jar_is_noticed_removed_and_brought_anew(supply: Supply, said: list[str], damage: bytes) -> None:
    folder = supply.bring()
    (folder / "broker-1.0.jar").write_bytes(damage)
    supply.bring()
    assert (folder / "broker-1.0.jar").read_bytes() == CONTENT["broker"]
    assert "Kafka 1.0: broker-1.0.jar is damaged; removed, to be brought anew" in said


def test_a_damaged_cache_is_not_believed(supply: Supply, repository: Repository, tmp_path: Path) -> None:
    supply.bring()
    for folder in ("cache", "home/jars"):
        (tmp_path / folder / "broker-1.0.jar").write_bytes(b"x")
    repository.asked.clear()
    supply.bring()
    assert repository.asked == ["broker"]
    assert (tmp_path / "cache" / "broker-1.0.jar").read_bytes() == CONTENT["broker"]


def test_what_an_interrupted_start_had_fetched_is_kept(supply: Supply, repository: Repository) -> None:
    (supply.folder).mkdir()
    (supply.folder / "clients-1.0.jar").write_bytes(CONTENT["clients"])
    supply.bring()
    assert "clients" not in repository.asked


def test_jars_of_another_version_do_not_stay_on_the_class_path(supply: Supply) -> None:
    supply.folder.mkdir()
    (supply.folder / "broker-0.9.jar").touch()
    assert names(supply.bring()) == ALL


def test_a_fetch_that_fails_once_is_repeated(supply: Supply, repository: Repository, said: list[str]) -> None:
    repository.trouble = [ConnectionError()]
    assert names(supply.bring()) == ALL
    assert any("did not come (ConnectionError); trying again" in sentence for sentence in said)


def test_without_network_one_sentence_says_what_to_do(supply: Supply, repository: Repository) -> None:
    repository.trouble = [ConnectionError() for _ in range(9)]
    with pytest.raises(CannotStart, match=r"the first start needs a network; .*VINKKI_KAFKA_JARS, and start again\.$"):
        supply.bring()


def test_bytes_other_than_the_locks_are_refused(supply: Supply, repository: Repository) -> None:
    repository.content["clients"] = b"evil"
    with pytest.raises(
        CannotStart, match=r"clients-1\.0\.jar could not be fetched .what came is not what the lock says"
    ):
        supply.bring()
    assert "clients-1.0.jar" not in names(supply.folder)


def test_a_disk_that_runs_full_is_called_full(supply: Supply, repository: Repository) -> None:
    repository.trouble = [OSError(errno.ENOSPC, "No space left on device") for _ in range(9)]
    with pytest.raises(CannotStart, match=r"The disk ran full while .*jars was being written; make room"):
        supply.bring()


def test_a_start_that_is_called_off_stops_fetching(home: Home, supply: Supply) -> None:
    home.halt.set()
    with pytest.raises(CannotStart, match="called off"):
        supply.bring()


def test_a_folder_with_the_jars_replaces_the_network(home: Home, repository: Repository, tmp_path: Path) -> None:
    given = tmp_path / "given"
    for number, (name, content) in enumerate(CONTENT.items()):
        (given / f"folder{number}").mkdir(parents=True)
        (given / f"folder{number}" / f"{name}-1.0.jar").write_bytes(content)
    supply = Supply(home, given, tmp_path / "cache", lock=Lock("1.0", JARS), fetch=repository.fetch)
    assert names(supply.bring()) == ALL
    assert repository.asked == []


def test_a_jar_missing_from_the_given_folder_is_named(home: Home, tmp_path: Path) -> None:
    supply = Supply(home, tmp_path / "nothing", lock=Lock("1.0", JARS[:1]))
    with pytest.raises(CannotStart, match=r"broker-1\.0\.jar is missing or damaged in .*nothing, the folder that"):
        supply.bring()
