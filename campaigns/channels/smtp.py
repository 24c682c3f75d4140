"""One kept connection to an SMTP server, over which mails go one after another.

aiosmtplib opens it (TLS, STARTTLS, log-in) and hands its transport over. From there on a conversation of a few lines
takes over, since it can do what no library at hand does: send the end of a mail and the envelope of the next in one
write (RFC 2920), which halves what a mail costs.

After the final dot of a mail and before the server's answer nobody can tell whether it was accepted (RFC 1047). A mail
of which that answer is lost is told as `unknown`; everything before the dot was certainly not accepted.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

import aiosmtplib

from campaigns.channels import Accepted, Busy, Outcome, Refused
from engine.errors import Misconfigured

_ENHANCED = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})")
_LONGEST_REPLY = 65_536
_CONTINUES, _GO_AHEAD, _GOODBYE = b"-", 354, 421
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_NO_MAILBOX = (550, 551, 553)
GREYLIST_SECONDS = 300.0
LATER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in: ``smtp://host:25`` in the clear, ``smtp+starttls://user:secret@host:587``, ``smtps://``.

    Attributes
    ----------
    timeout
        Seconds that each answer may take.
    """

    host: str
    port: int
    tls: bool = False
    starttls: bool = False
    user: str | None = None
    secret: str | None = None
    timeout: float = 30.0
    context: ssl.SSLContext | None = None

    @classmethod
    def read(cls, url: str, timeout: float = 30.0) -> "Server":
        """Read an address.

        Raises
        ------
        Misconfigured
            It is none.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            parts, port = urlsplit(""), 0
        if not port or parts.scheme not in _PORTS or not parts.hostname:
            # Without a cause, which may hold a password.
            raise Misconfigured("VINKKI_MAIL is no address; it looks like smtp+starttls://user:secret@host:587.")
        user, secret = (unquote(part) if part else None for part in (parts.username, parts.password))
        return cls(
            parts.hostname, port, parts.scheme == "smtps", parts.scheme == "smtp+starttls", user, secret, timeout
        )


class Away(Exception):
    """The server cannot be spoken to now."""


class Locked(Away):
    """The server does not let us in; to try again at once would not help."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as SMTP takes it; `content` ends with CRLF, and no line of it begins with a dot."""

    sender: bytes
    to: bytes
    content: bytes


class Line(asyncio.Protocol):
    """A conversation over an open transport: what is written, and the replies that come."""

    def __init__(self, client: aiosmtplib.SMTP, timeout: float, *, pipelining: bool) -> None:
        self._client = client  # holds the transport
        self._transport = cast("asyncio.Transport", client.transport)
        self._timeout = timeout
        self._pipelining = pipelining
        self._rest = b""
        self._replies: list[tuple[int, bytes]] = []
        self._said: list[tuple[int, bytes]] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self.lost = False

    @classmethod
    async def open(cls, server: Server) -> "Line":
        """Connect.

        Raises
        ------
        Away
            The server does not answer, does not offer the encryption that is asked for, or does not let us in.
        """
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=server.starttls,
            username=server.user,
            password=server.secret,
            tls_context=server.context,
            timeout=server.timeout,
            local_hostname="localhost" if server.host in ("127.0.0.1", "localhost") else None,
        )
        try:
            async with asyncio.timeout(server.timeout):
                await client.connect()
                await client.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise Locked from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise Away from error
        line = cls(client, server.timeout, pipelining=client.supports_extension("pipelining"))
        line._transport.set_protocol(line)
        return line

    def data_received(self, data: bytes) -> None:
        """Read replies; who waits is woken once, for all that were wanted."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line[3:4] != _CONTINUES:
                self._replies.append((int(line[:3]) if line[:3].isdigit() else 0, line[4:].rstrip()))
        if len(self._rest) > _LONGEST_REPLY:
            self._transport.abort()
        if self._waiter is not None and not self._waiter.done() and len(self._replies) >= self._wanted:
            self._waiter.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        """Wake who waits."""
        self.lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Part politely, without waiting."""
        if not self.lost:
            self._transport.write(b"QUIT\r\n")
        self._client.close()
        self.lost = True

    async def send(self, mails: Sequence[Written]) -> list[Outcome | None]:
        """Send mails; return what became of each, None where the connection was lost before anything was said of it."""
        outcomes: list[Outcome | None] = []
        opened = False
        for number, mail in enumerate(mails):
            following = mails[number + 1] if self._pipelining and number + 1 < len(mails) else None
            outcome, opened = await self._one(mail, following, opened=opened)
            if outcome is not None:
                outcomes.append(outcome)
            if self.lost:
                break
        return outcomes + [None] * (len(mails) - len(outcomes))

    async def _one(self, mail: Written, following: Written | None, *, opened: bool) -> tuple[Outcome | None, bool]:
        """Send one mail, whose envelope may be `opened`; say what became of it, and whether the next one's is."""
        if not opened and not await self._envelope(mail):
            return None, False
        replies = await self._take(3) if self._pipelining else self._said
        if len(replies) < 3 or any(code == _GOODBYE for code, _ in replies):  # noqa: PLR2004 - MAIL, RCPT, DATA
            self._expire()  # the mail was never begun
            return None, False
        if (refusal := _refusal(replies)) is not None:
            if replies[2][0] == _GO_AHEAD:  # it waits for a mail that nobody is to get
                self._expire()
                return refusal, False
            self._transport.write(b"RSET\r\n")
            await self._take(1)
            return refusal, False
        self._transport.write(mail.content + b".\r\n" + (_opening(following) if following else b""))
        answer = await self._take(1)
        return _verdict(answer[0]) if answer else Refused("unknown"), following is not None

    async def _envelope(self, mail: Written) -> bool:
        """Open a mail; without pipelining one command after another. Say whether there is anybody."""
        if self.lost:
            return False
        if self._pipelining:
            self._transport.write(_opening(mail))
            return True
        self._said = []
        for command in (b"MAIL FROM:<" + mail.sender + b">", b"RCPT TO:<" + mail.to + b">", b"DATA"):
            if self._said and self._said[-1][0] >= 400:  # noqa: PLR2004 - refused: the rest would only confuse it
                self._said.append((0, b""))
                continue
            self._transport.write(command + b"\r\n")
            self._said += await self._take(1)
            if self.lost and len(self._said) < 3:  # noqa: PLR2004
                return False
        return True

    async def _take(self, number: int) -> list[tuple[int, bytes]]:
        """Return so many replies; fewer where the connection was lost or the server took too long."""
        if len(self._replies) < number and not self.lost:
            loop = asyncio.get_running_loop()
            self._wanted, self._waiter = number, loop.create_future()
            alarm = loop.call_later(self._timeout, self._expire)
            try:
                await self._waiter
            finally:
                alarm.cancel()
                self._waiter = None
        taken, self._replies = self._replies[:number], self._replies[number:]
        return taken

    def _expire(self) -> None:
        self.lost = True
        self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _opening(mail: Written) -> bytes:
    return b"MAIL FROM:<" + mail.sender + b">\r\nRCPT TO:<" + mail.to + b">\r\nDATA\r\n"


def _refusal(replies: Sequence[tuple[int, bytes]]) -> Outcome | None:
    (sender, said), (recipient, words), (data, last) = replies
    if sender // 100 != 2:  # noqa: PLR2004 - a reply's first digit: 2 done, 4 later, 5 never
        return _not_now(sender, said) or Refused("sender_refused")
    if recipient // 100 != 2:  # noqa: PLR2004
        return _not_now(recipient, words) or _no_recipient(recipient, words)
    if data != _GO_AHEAD:
        return _not_now(data, last) or Refused("content_refused")
    return None


def _verdict(reply: tuple[int, bytes]) -> Outcome:
    code, said = reply
    return Accepted() if code // 100 == 2 else _not_now(code, said) or Refused("content_refused")  # noqa: PLR2004


def _not_now(code: int, said: bytes) -> Busy | None:
    """Read a reply that says to come again; anything that is no reply at all is read so, too."""
    if code // 100 == 5:  # noqa: PLR2004
        return None
    if code in (450, 451) or b"grey" in said.lower():
        return Busy("greylisted", GREYLIST_SECONDS)
    return Busy("busy", LATER_SECONDS)


def _no_recipient(code: int, said: bytes) -> Refused:
    found = _ENHANCED.match(said)
    subject = int(found[2]) if found else None
    if subject is None:
        return Refused("no_mailbox", for_good=True) if code in _NO_MAILBOX else Refused("recipient_refused")
    if subject == 1:  # addressing: there is no such mailbox
        return Refused("no_mailbox", for_good=True)
    if subject == 2:  # noqa: PLR2004 - the mailbox: full, or disabled
        return Refused("mailbox_full") if found and int(found[3]) == 2 else Refused("no_mailbox", for_good=True)  # noqa: PLR2004
    return Refused("policy")
