"""Starts what has no address yet, side by side, and owns it until it is stopped."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from api.embedded.errors import check_room
from api.embedded.home import Home
from api.embedded.jars import Supply
from api.embedded.kafka import Kafka
from api.embedded.postgres import Postgres
from api.embedded.server import Server
from api.embedded.valkey import Valkey

FIRST_BYTES = 600_000_000  # jars 44 MB three times over while they come, database 50 MB and its log 512 MB at most
LATER_BYTES = 100_000_000


@dataclass(frozen=True)
class Addresses:
    """Where the three parts are found.

    Parameters
    ----------
    kafka
        ``host:port``, several with commas between.
    database
        ``postgresql://...``
    redis
        ``redis://...``
    """

    kafka: str
    database: str
    redis: str


class Parts:
    """The embedded servers that run now. One thread at a time may call it.

    Parameters
    ----------
    addresses
        Of all three parts, embedded or not.
    servers
        The embedded ones, by name: ``kafka``, ``postgres``, ``valkey``.
    home
        The folder they live in; None where none of them is embedded.
    """

    def __init__(self, addresses: Addresses, servers: dict[str, Server], home: Home | None) -> None:
        self.addresses = addresses
        self._servers, self._home = servers, home

    def running(self) -> list[str]:
        """Return the names of the embedded servers that run."""
        return [name for name, server in self._servers.items() if server.pid is not None]

    def died(self) -> list[str]:
        """Return the names of the embedded servers that ended without being asked to."""
        return [name for name, server in self._servers.items() if server.pid is None]

    def pid(self, name: str) -> int | None:
        """Return the process id of one server while it runs."""
        return self._servers[name].pid

    def watch(self, pid: int) -> None:
        """Have another child of this process ended too, should this process be killed."""
        if self._home:
            self._home.guard.watch(pid)

    def kill(self, name: str) -> None:
        """End one server with SIGKILL, as a crash would."""
        self._servers[name].kill()

    def restart(self, name: str) -> None:
        """Start one server again on its folder and its address; stop it before, where it still runs.

        Raises
        ------
        CannotStart
            It does not come up.
        """
        self._servers[name].stop()
        self._servers[name].start()

    def stop(self) -> None:
        """Stop every embedded server in an orderly way and free the folder. A second call does nothing."""
        _stop(self._servers, self._home)
        self._servers, self._home = {}, None


def start(  # noqa: PLR0913 - one argument a part, and each by its name
    home: Path,
    *,
    say: Callable[[str], None],
    jars: Path | None = None,
    kafka: str | None = None,
    database: str | None = None,
    redis: str | None = None,
    cache: Path | None = None,
) -> Parts:
    """Start each part that has no address yet and return when all of them serve.

    Parameters
    ----------
    home
        The folder for all their state; made where missing. Held by this process until `Parts.stop`.
    say
        Told of progress, a sentence at a time, from any thread but never two at once.
    jars
        A folder that holds Kafka's jars, for a machine without network.
    kafka, database, redis
        Addresses of parts that run elsewhere.
    cache
        Where fetched jars are shared between homes; the user's cache folder where not given.

    Raises
    ------
    CannotStart
        With one sentence that says what is the matter; nothing is running then.
    """
    if kafka and database and redis:
        return Parts(Addresses(kafka, database, redis), {}, None)
    held, servers = Home(home, say), dict[str, Server]()
    try:
        check_room(held.path, LATER_BYTES if (held.path / "ports.json").exists() else FIRST_BYTES)
        ports = held.ports("kafka", "kafka-controller", "valkey")
        if not kafka:
            servers["kafka"] = Kafka(held, ports["kafka"], ports["kafka-controller"], Supply(held, jars, cache))
        if not database:
            servers["postgres"] = Postgres(held)
        if not redis:
            servers["valkey"] = Valkey(held, ports["valkey"])
        _start_side_by_side(held, list(servers.values()))
    except BaseException:
        _stop(servers, held)
        raise
    addresses = Addresses(
        kafka or servers["kafka"].address, database or servers["postgres"].address, redis or servers["valkey"].address
    )
    return Parts(addresses, servers, held)


def _start_side_by_side(home: Home, servers: list[Server]) -> None:
    with ThreadPoolExecutor(len(servers)) as pool:
        starts = [pool.submit(server.start) for server in servers]
        try:
            for done in wait(starts, return_when=FIRST_EXCEPTION).done:
                done.result()
        except BaseException:  # Ctrl-C too: the others must not go on starting
            home.halt.set()
            raise


def _stop(servers: dict[str, Server], home: Home | None) -> None:
    for server in servers.values():
        server.ask_to_stop()
    for server in servers.values():
        server.stop()
    if home:
        home.release()
