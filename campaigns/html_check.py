"""What is wrong with the HTML that authors write: elements, links, pictures, headings, what cannot be heard."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import urlsplit

from campaigns.fault import Fault
from campaigns.templating import OFFERS, PICKS, SLOTS, STOP

TAGS = ("p", "br", "h2", "h3", "ul", "ol", "li", "strong", "em", "a", "img", "blockquote", "hr")
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {"a": ("href",), "img": ("src", "alt", "width", "height")}
SCHEMES = ("https", "mailto", "tel")
WIDEST, MOST_IMAGES, LONGEST_ADDRESS = 1200, 10, 2000
_EMPTY = ("br", "img", "hr")
_STRAY = re.compile(r"<(?![^<>]*>)")
_TEMPLATE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_STAND_IN = "\ue0ff"
_BLOCK_PARENTS = {"p", "h2", "h3", "a", "strong", "em", "li"}
_VAGUE = {
    "tästä", "täältä", "klikkaa", "klikkaa tästä", "lue lisää", "linkki", "här", "klicka här", "läs mer", "länk",
    "here", "click here", "read more", "more", "link", "siit", "loe lähemalt", "здесь", "тут", "aquí",
}  # fmt: skip


def faults(where: str, source: str, rendered: str) -> list[Fault]:
    """Return what is wrong with a body, by its own lines, and what only shows once it is rendered."""
    # What a template says has no lines of HTML of its own; a letter stands for it, so that a link with it has words.
    found = list(_faults(where, _TEMPLATE.sub(_stand_in, source), lines=True))
    return found or list(_faults(where, rendered, lines=False))


def _stand_in(template: "re.Match[str]") -> str:
    word = _STAND_IN if template[0].startswith("{{") else ""
    return word + "\n" * template[0].count("\n")


def _faults(where: str, content: str, *, lines: bool) -> Iterator[Fault]:
    # Python's reader takes a time that grows with the square of tags that are not closed: they do not get there.
    if (stray := _STRAY.search(content)) is not None:
        line = content.count("\n", 0, stray.start()) + 1
        yield Fault(
            where, line if lines else None, "Each < begins a tag that ends with >; for the character, write &lt;."
        )
        return
    reader = _Reader()
    reader.feed(content)
    reader.close()
    reader.end()
    for line, says in reader.found:
        yield Fault(where, line if lines else None, says)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._open: list[str] = []
        self._images, self._level = 0, 1
        self._link: list[str] | None = None

    def say(self, what: str) -> None:
        self.found.append((self.getpos()[0], what))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.say(f"A message cannot have <{tag[:30]}>; there are {', '.join(TAGS)}. The frame gives the rest.")
            return
        for name, _ in attrs:
            if name not in ATTRIBUTES.get(tag, ()):
                self.say(f"<{tag}> cannot have `{name[:30]}`; looks are the frame's.")
        its = {name: value or "" for name, value in attrs}
        if any(block in value for value in its.values() for block in (OFFERS, PICKS)):
            self.say("Offers as a whole cannot stand within a tag; place them between paragraphs.")
        if tag == "a":
            self._link = []
            self._address("link", its.get("href", ""), SCHEMES)
        elif tag == "img":
            self._image(its, has_alt="alt" in its)
        elif tag in ("h2", "h3"):
            self._heading(int(tag[1]))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in TAGS or tag in _EMPTY:
            return
        if not self._open or self._open.pop() != tag:
            self.say(f"</{tag}> closes what is not open there.")
        if tag == "a" and self._link is not None:
            words = " ".join("".join(self._link).split()).strip(" .!…»→:").casefold()
            if not words:
                self.say("A link needs words; say where it leads.")
            elif words in _VAGUE:
                self.say(f"The link “{words}” says nothing when it is read by itself; say where it leads.")
            self._link = None

    def handle_data(self, data: str) -> None:
        if (OFFERS in data or PICKS in data) and not _BLOCK_PARENTS.isdisjoint(self._open):
            self.say("Offers as a whole cannot stand within a line; place them between paragraphs.")
        if self._link is not None:
            self._link.append(data)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - as HTMLParser says
        self.say("A message cannot have comments of HTML; leave them out.")

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002 - as HTMLParser says
        self.say("A message is a part of a page, without a declaration; leave it out.")

    def end(self) -> None:
        if self._open:
            self.say(f"<{self._open[-1]}> is not closed.")

    def _heading(self, level: int) -> None:
        if level > self._level + 1:
            self.say(f"<h{level}> stands where <h{level - 1}> is due; headings go down one step at a time.")
        self._level = level

    def _image(self, its: Mapping[str, str], *, has_alt: bool) -> None:
        self._images += 1
        if self._images == MOST_IMAGES + 1:
            self.say(f"A message has {MOST_IMAGES} pictures at most.")
        if not has_alt or its["alt"].strip().lower().endswith((".jpg", ".png", ".gif")):
            self.say('A picture needs `alt`: what it shows, or alt="" where it only adorns.')
        elif self._link is not None:
            self._link.append(its["alt"])
        for side in ("width", "height"):
            if side in its and not (its[side].isdecimal() and 0 < int(its[side][:6]) <= WIDEST):
                self.say(f"The `{side}` of a picture is a number of pixels, {WIDEST} at most.")
        self._address("picture", its.get("src", ""), ("https",))

    def _address(self, what: str, address: str, schemes: tuple[str, ...]) -> None:
        if address in (STOP, _STAND_IN):
            return
        if address.strip().lower().startswith("data:"):
            self.say(
                f"A {what} cannot carry its data ({len(address):,} characters); put it on the web and give its address."
            )
            return
        try:
            parts = urlsplit(address)
            good = parts.scheme in schemes and (parts.scheme != "https" or "." in (parts.hostname or ""))
            good = good and not SLOTS.search(parts.netloc)
        except ValueError:
            good = False
        if not good or len(address) > LONGEST_ADDRESS or any(letter.isspace() for letter in address):
            self.say(f"The address “{address[:60]}” of a {what} is none of {', '.join(schemes)}; give a whole one.")
