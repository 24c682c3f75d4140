"""SMTP servers for tests: real sockets, answers as a test wants them, and everything that was accepted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

Answer = bytes | None
"""What the server says; None closes the connection, and b"" says nothing for ever."""


@dataclass
class Accepted:
    """A mail that was answered with 250."""

    sender: str
    to: str
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def id(self) -> str:
        return self.mail["Message-ID"]


@dataclass
class SmtpServer:
    """Answers by what `says` returns for a stage (``mail``, ``rcpt``, ``data``, ``end``) and an address."""

    says: Callable[[str, str], Answer] = lambda _stage, _to: {"data": b"354 go on"}.get(_stage, b"250 2.0.0 fine")
    pipelining: bool = True
    port: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)

    async def serve(  # noqa: C901, PLR0912 - a conversation
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            writer.write(b"220 test\r\n")
            sender = to = ""
            while line := await reader.readline():
                self.heard.append(line)
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(
                        b"250-test\r\n250-PIPELINING\r\n250 8BITMIME\r\n" if self.pipelining else b"250 test\r\n"
                    )
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                elif verb == b"RSET":
                    writer.write(b"250 fine\r\n")
                elif verb in (b"MAIL", b"RCPT", b"DATA"):
                    if verb == b"MAIL":
                        sender, to = line[11:-3].decode(), ""
                    elif verb == b"RCPT":
                        to = line[9:-3].decode()
                    answer = self.says(verb.decode().lower(), to)
                    if not await self._say(writer, answer):
                        break
                    if verb == b"RCPT" and not (answer or b"").startswith(b"2"):
                        to = ""
                    if verb == b"DATA" and (answer or b"").startswith(b"354"):
                        raw = await reader.readuntil(b"\r\n.\r\n")
                        answer = self.says("end", to)
                        if (answer or b"").startswith(b"250"):
                            self.accepted.append(Accepted(sender, to, raw[:-3]))
                        if not await self._say(writer, answer):
                            break
                else:
                    writer.write(b"502 what\r\n")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if answer is None:
            return False
        if answer == b"":
            await asyncio.sleep(3600)
        writer.write(answer + b"\r\n")
        return not answer.startswith(b"421")


@asynccontextmanager
async def serving(server: SmtpServer) -> AsyncIterator[SmtpServer]:
    """Run a server on a free port of this machine."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await server.serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", server.port, limit=1 << 22)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
