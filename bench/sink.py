"""A mail server that takes everything and delivers nothing, a process of its own: ``python -m bench.sink PORT FILE``.

Each mail is a line of the file before it is answered with 250: its Message-ID and its recipient. So what a file holds
was accepted, whenever the server is killed.
"""

import asyncio
import contextlib
import os
import re
import sys
from pathlib import Path
from typing import cast

import uvloop

_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE)
_ANSWERS = {b"MAIL": b"250 2.1.0 fine\r\n", b"RCPT": b"250 2.1.5 fine\r\n", b"RSET": b"250 2.0.0 fine\r\n"}
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_END = b"\r\n.\r\n"


class _Conversation(asyncio.Protocol):
    def __init__(self, file: int) -> None:
        self._file = file
        self._heard = b""
        self._to = b""
        self._within = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        said = list[bytes]()
        while (answer := self._next()) is not None:
            said.append(answer)
        if said and self._transport is not None:
            self._transport.write(b"".join(said))

    def _next(self) -> bytes | None:
        """Take a command or a mail that is whole, and return the answer; None where there is none yet."""
        whole, found, rest = self._heard.partition(_END if self._within else b"\r\n")
        if not found:
            return None
        self._heard = rest
        if self._within:
            self._within = False
            self._keep(whole)
            return b"250 2.0.0 taken\r\n"
        verb = whole[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            return _HELLO
        if verb == b"RCPT":
            self._to = whole[9:-1]
        if verb == b"DATA":
            self._within = True
            return b"354 go on\r\n"
        if verb == b"QUIT" and self._transport is not None:
            self._transport.close()
        return _ANSWERS.get(verb, b"502 5.5.1 what\r\n")

    def _keep(self, mail: bytes) -> None:
        found = _ID.search(mail)
        os.write(self._file, (found[1] if found else b"none") + b" " + self._to + b"\n")


async def serve(port: int, path: Path) -> None:
    """Take mails until this process is ended."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    server = await asyncio.get_running_loop().create_server(lambda: _Conversation(file), "127.0.0.1", port)
    await server.serve_forever()


def taken(path: Path) -> list[tuple[str, str]]:
    """Return the Message-ID and the recipient of each mail that was accepted, in order."""
    whole = path.read_text("ascii").rpartition("\n")[0] if path.exists() else ""
    return [(id_, to) for id_, _, to in (line.partition(" ") for line in whole.splitlines())]


def count(path: Path) -> int:
    """Return how many mails were accepted."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
