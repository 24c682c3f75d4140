"""HTML of messages as plain text: paragraphs, lists and addresses, for whoever reads without HTML."""

import re
from html.parser import HTMLParser

from campaigns.templating import PICKS

_BLOCKS = {"p", "h2", "h3", "ul", "ol", "blockquote", "table", "tr", "br", "hr"}
_GAPS = re.compile(r"\n{3,}")


def plain_of(content: str) -> str:
    """Return the text of a message's HTML; where picks go, they have lines of their own."""
    reader = _Reader()
    reader.feed(content)
    reader.close()
    text = "".join(reader.parts).replace(PICKS, f"\n\n{PICKS}\n\n")
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._addresses: list[str] = []
        self._numbers: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = dict(attrs)
        if tag in ("ul", "ol"):
            self._numbers.append(0 if tag == "ol" else -1)
        if tag == "li":
            self.parts.append("\n" + self._bullet())
        elif tag == "a":
            self._addresses.append(its.get("href") or "")
        elif tag == "img" and its.get("alt"):
            self.parts.append(f"[{its['alt']}]")
        elif tag in _BLOCKS:
            self.parts.append("\n" if tag in ("br", "tr") else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ul", "ol") and self._numbers:
            self._numbers.pop()
        if tag == "a" and self._addresses and (address := self._addresses.pop()):
            self.parts.append(f": {address}")
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        # Lines of the source are no lines of the text.
        self.parts.append(re.sub(r"\s+", " ", data))

    def _bullet(self) -> str:
        if not self._numbers or self._numbers[-1] < 0:
            return "- "
        self._numbers[-1] += 1
        return f"{self._numbers[-1]}. "
