"""A mail as bytes: what all mails of a run share is made once, and the rest is filled in.

The standard library's `EmailMessage` takes some 2 ms a mail. Here a header is checked and encoded once for all that
share it, and the bodies go through base64 in one call.
"""

import re
from binascii import b2a_base64
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache

from campaigns.channels import Note

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^-~]+@[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?")
_BREAK = re.compile(r"\r\n|\r|\n")
_LINE = 76
_LONGEST_ADDRESS = 254


class Unmailable(ValueError):
    """It cannot be made a mail: a header or the address would break it."""


class Mail:
    """Writes mails of one sender.

    Parameters
    ----------
    name, address
        Who it is from.
    domain
        Of Message-IDs and of the address that bounces come back to.
    answers
        Where answers go, if not to the sender.
    """

    def __init__(self, name: str, address: str, domain: str, answers: str | None = None) -> None:
        self._domain = domain
        head = [
            f"From: {formataddr((name, address))}",
            *([f"Reply-To: {_plain(answers)}"] if answers else []),
            "MIME-Version: 1.0",
        ]
        self._head = "\r\n".join(head).encode("ascii") + b"\r\n"
        self._list = self._head + b"Precedence: bulk\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

    def sender(self, note: Note) -> bytes:
        """Return the address that bounces of this mail go to; it tells which mail it was, and nobody's address."""
        return f"bounces+{note.id}@{self._domain}".encode("ascii")

    def address(self, note: Note) -> bytes:
        """Return the address as SMTP takes it.

        Raises
        ------
        Unmailable
            It is none, or would say more to the server than an address.
        """
        if len(note.to) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(note.to):
            raise Unmailable("address")
        return note.to.encode("ascii")

    def write(self, note: Note, now: datetime) -> bytes:
        r"""Return the mail, each line ended by CRLF and none beginning with a dot.

        Raises
        ------
        Unmailable
            The subject or a link holds what would begin another header.
        """
        own = f"To: {note.to}\r\nMessage-ID: <{note.id}@{self._domain}>\r\n"
        if note.stop:
            own += f"List-Unsubscribe: <{_link(note.stop)}>\r\n"
            head, shared = self._list, _shared(note.topic, note.language, self._domain)
        else:
            head, shared = self._head, f"Content-Language: {_plain(note.language)}\r\n".encode("ascii")
        parts: tuple[bytes, ...] = (head, own.encode("ascii"), shared, _date(int(now.timestamp()), now.tzinfo))
        parts += (_subject(note.rendered.subject),)
        if note.rendered.html is None:
            return b"".join((*parts, _TEXT, _body(note.rendered.text)))
        # Of random letters, so no body can hold it; and base64 holds no two hyphens anyway.
        edge = f"=_{note.id}".encode("ascii")
        parts += (b'Content-Type: multipart/alternative; boundary="', edge, b'"\r\n\r\n--', edge, b"\r\n")
        parts += (_TEXT, _body(note.rendered.text), b"--", edge, b"\r\n")
        parts += (_HTML, _body(note.rendered.html), b"--", edge, b"--\r\n")
        return b"".join(parts)


_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"


@lru_cache(maxsize=64)
def _shared(topic: str, language: str, domain: str) -> bytes:
    name = _plain(topic).replace("_", "-")
    return f"List-Id: <{name}.{domain}>\r\nContent-Language: {_plain(language)}\r\n".encode("ascii")


@lru_cache(maxsize=16)
def _date(second: int, zone: object) -> bytes:
    return f"Date: {format_datetime(datetime.fromtimestamp(second, zone))}\r\n".encode("ascii")  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def _subject(subject: str) -> bytes:
    written = Header(_plain(subject), "utf-8" if not subject.isascii() else "us-ascii", header_name="Subject").encode()
    return b"Subject: " + _BREAK.sub("\r\n", written).encode("ascii") + b"\r\n"


def _plain(value: str) -> str:
    if _CONTROL.search(value):
        raise Unmailable("header")
    return value


def _link(value: str) -> str:
    if _CONTROL.search(value) or ">" in value or " " in value or not value.isascii():
        raise Unmailable("stop")
    return value


def _body(text: str) -> bytes:
    if "\r" in text:
        text = _BREAK.sub("\n", text)
    coded = b2a_base64(text.replace("\n", "\r\n").encode("utf-8"), newline=False)
    return b"".join([coded[at : at + _LINE] + b"\r\n" for at in range(0, len(coded), _LINE)])
