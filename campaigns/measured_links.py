"""Links that tell whether a message was of use, for who allows `measurement`; everybody else gets them plain.

A measured link leads through the house: `/m/{message}/{mark}?to=…`. The message is by what its Message-ID is made of,
which names nobody; the mark is a keyed digest of the address, so that nobody can have the house lead elsewhere. There
are no pictures that tell of an opening.
"""

import re
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import quote

from engine.errors import NotFound

PATH = "/m/"
_LINK = re.compile('href="(https://[^"]*)"')
_MARK_LETTERS = 24
_MOST_KNOWN = 10_000


class LinkForeign(NotFound):
    """The link is none of ours; it may be incomplete. Copy it whole from the message."""

    code = "link_foreign"


class MeasuredLinks:
    """Makes measured links and reads them.

    Parameters
    ----------
    digest
        A keyed hash of the house, of a content and what it is about (`api.vault.Vault.digest`).
    base
        The address that residents reach the house at; links to the house itself stay plain.
    """

    def __init__(self, digest: Callable[[bytes, str], bytes], base: str) -> None:
        self._digest = digest
        self._own = base.rstrip("/") + "/"
        self._base = base.rstrip("/") + PATH
        self._known: dict[str, str] = {}

    def measure(self, html: str, message: str) -> str:
        """Return a mail's HTML whose links outwards lead through the house."""
        before = f'href="{self._base}{message}/'
        return _LINK.sub(lambda link: before + self._tail(link[1]) if self._outward(link[1]) else link[0], html)

    def read(self, mark: str, to: str) -> str:
        """Return where a link leads.

        Raises
        ------
        LinkForeign
            The house has made no such link.
        """
        if not to.startswith("https://") or mark != self._mark(to):
            raise LinkForeign
        return to

    def _outward(self, link: str) -> bool:
        return not link.startswith(self._own)

    def _tail(self, link: str) -> str:
        """Return the end of an attribute `href`: the same for everybody, so it is made once."""
        if (tail := self._known.get(link)) is None:
            to = unescape(link)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            tail = self._known[link] = escape(f"{self._mark(to)}?to={quote(to, safe='/:')}") + '"'
        return tail

    def _mark(self, to: str) -> str:
        return self._digest(to.encode(), "measured links").hex()[:_MARK_LETTERS]
