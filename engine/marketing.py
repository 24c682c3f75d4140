"""Marketing topics on channels, each a purpose of its own; what is said of one is put together from both.

An edition is one file of `engine/notices/marketing`, named by its number. A sentence of the topic, one of the channel
and one of all stand beside each other, so that nothing need be inflected.
"""

import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

TOPICS = (
    "area_tips",
    "loyalty_benefits",
    "opening_hours",
    "new_courses",
    "volunteering",
    "neighbourhood_plans",
    "library",
)
CHANNELS = ("email", "sms", "push", "inbox")
_LANGUAGES = ("fi", "sv", "en")
_Text = Mapping[str, str]


def identifiers() -> Iterator[tuple[str, str, str]]:
    """Yield (purpose, topic, channel) of each."""
    for topic, channel in product(TOPICS, CHANNELS):
        yield f"marketing_{topic}_{channel}", topic, channel


def compose(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is declared of each purpose, as `engine.consent.Declaration` reads it."""
    paths = sorted(folder.glob("*.toml"), key=lambda path: int(path.stem))
    editions = {int(path.stem): tomllib.loads(path.read_text("utf-8")) for path in paths}
    return {purpose: _declaration(editions, topic, channel) for purpose, topic, channel in identifiers()}


def _declaration(editions: Mapping[int, Mapping[str, Any]], topic: str, channel: str) -> dict[str, Any]:
    *earlier, notice = [_notice(version, edition, topic, channel) for version, edition in editions.items()]
    latest = editions[notice["version"]]
    means = latest["channels"][channel]
    return {
        "basis": latest["basis"],
        "notice": notice,
        "earlier": earlier,
        "data": means["data"],
        "kept": latest["kept"],
        "recipients": means["recipients"],
        "forgotten": latest["forgotten"],
        "topic": topic,
        "channel": channel,
    }


def _notice(version: int, edition: Mapping[str, Any], topic: str, channel: str) -> dict[str, Any]:
    about, means = edition["topics"][topic], edition["channels"][channel]
    texts = (about["text"], means["text"], edition["ending"])
    return {
        "version": version,
        "widens": edition.get("widens", False),
        "title": {code: f"{about['title'][code]}: {means['title'][code]}" for code in _LANGUAGES},
        "text": {code: _joined(texts, code) for code in _LANGUAGES},
        "plain": {"fi": _joined(texts, "plain")},
    }


def _joined(texts: tuple[_Text, ...], code: str) -> str:
    return " ".join(text[code] for text in texts)
