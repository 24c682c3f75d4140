"""A real mail server that delivers to nobody."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


def free_port() -> int:
    """Return a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MailBox:
    """A mail server that delivers to nobody, and shows what it took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._server = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        self.mails.append(_mail(envelope.original_content))
        return "250 taken"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run, and give the address."""
        self._server.start()
        try:
            yield f"smtp://127.0.0.1:{self._server.port}"
        finally:
            self._server.stop()

    def code(self, address: str) -> str:
        """Return the code that came to an address last."""
        return _code(self.mails, address)


@dataclass
class DemoMail:
    """What the demo's own mail server took."""

    folder: Path

    def code(self, address: str) -> str:
        """Return the code that came to an address last."""
        return _code([_mail(path.read_bytes()) for path in sorted(self.folder.glob("*.eml"))], address)


def _mail(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=default)


def _code(mails: Sequence[EmailMessage], address: str) -> str:
    mail = next(mail for mail in reversed(mails) if mail["To"] == address)
    return re.findall(r"\b\d{6}\b", mail.get_content())[0]
