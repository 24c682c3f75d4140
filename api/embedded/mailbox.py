"""The demo's mail server: takes every mail, delivers none, and keeps them as files for a page to show."""

import os
import re
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from api.embedded.home import free_port

MOST = 500
LARGEST_BYTES = 2 << 20
_ID = re.compile(rb"^Message-ID: <([a-z2-7]{26})@", re.MULTILINE | re.IGNORECASE)


class Mailbox:
    """A mail server of this machine alone, in a thread of its own.

    Parameters
    ----------
    folder
        Where mails are kept, the newest 500.
    port
        0 takes a free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._port = port or free_port()
        keeper = _Keeper(folder)
        self._controller = Controller(keeper, "127.0.0.1", self._port, data_size_limit=LARGEST_BYTES)

    @property
    def address(self) -> str:
        """Where it is found, as `VINKKI_MAIL` says it."""
        return f"smtp://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin to take mails."""
        self._controller.start()

    def stop(self) -> None:
        """Stop; what was taken stays."""
        self._controller.stop()


class _Keeper:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        found = _ID.search(raw)
        name = f"{time.time_ns():020}-{found[1].decode() if found else 'other'}.eml"
        written = self._folder / f".{name}"
        written.write_bytes(raw)
        os.replace(written, self._folder / name)  # noqa: PTH105 - one step, so that no page reads half a mail
        for old in sorted(self._folder.glob("*.eml"))[:-MOST]:
            old.unlink(missing_ok=True)
        return "250 2.0.0 Taken, and delivered to nobody"
