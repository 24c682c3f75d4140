"""What is told of audiences: their definitions with a sentence, and counts that name no small group."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Annotated, Any, Literal, Protocol

import msgspec

from campaigns.audience import Draft, Followed, Member, Tree, WasSent, canonical, walk
from campaigns.counting import AIMED, Counting, Out
from campaigns.sentence import Names, sentences
from engine.counts import LEAST
from engine.events import AwareTime
from engine.language import Language, Localized
from engine.marketing import CHANNELS, TOPICS
from engine.reach import LANGUAGES
from engine.rules import Revision

KEPT = timedelta(minutes=10)
"""How long an answer is given again: nobody watches a group change one by one."""
TREE = {
    "is": "all",
    "of": [
        {"is": "any", "of": [{"is": "interest", "keyword": "yso:p965"}, {"is": "learned", "keyword": "yso:p965"}]},
        {"is": "age", "youngest": 18, "oldest": 29},
        {
            "is": "none",
            "of": [
                {"is": "did", "acts": ["register"], "kind": "course", "within_days": 30},
                {"is": "followed", "campaign": "5f0c1d7ab29e4836", "within_days": 30},
            ],
        },
    ],
}
EXAMPLE = {"department": "sport", "name": "Young swimmers", "tree": TREE}


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is meant, and what they are to be told of, by which channels."""

    tree: Tree
    topic: Literal[TOPICS]  # type: ignore[valid-type]
    channels: Annotated[
        tuple[Literal[CHANNELS], ...],  # type: ignore[valid-type]
        msgspec.Meta(min_length=1, max_length=len(CHANNELS)),
    ] = CHANNELS


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """About how many are reached; null for a group so small that it is not told: at most `at_least`.

    Attributes
    ----------
    total
        Residents whom the audience means and whom one of the channels reaches.
    channels
        Those whom each channel reaches: they allow it, have a confirmed address and have not heard enough in this week;
        somebody may be in several.
    languages
        The `total` by the first language that they told.
    left_out
        Others whom the audience means, each by the first reason that holds: all rests, under 18, no leave for any of
        the channels, no confirmed address on those that they allow, enough messages in this week.
    targetable
        Whether it is large enough for a campaign: by those who have heard enough in this week, too.
    """

    topic: str
    counted_at: AwareTime
    valid_until: AwareTime
    total: int | None
    channels: Mapping[str, int | None]
    languages: Mapping[str, int | None]
    left_out: Mapping[str, int | None]
    targetable: bool
    sentence: Localized
    at_least: int = LEAST


Schema = dict[str, Any]
"""A JSON Schema."""


@cache
def schema() -> Schema:
    """Return what a tree may be."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Tree)}


class AudienceVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An audience in one version, with what it means in words."""

    id: str
    version: int
    department: str
    name: str
    tree: Tree
    sentence: Localized
    author: str
    changed: AwareTime


class AudiencePage(msgspec.Struct, frozen=True):
    """Audiences, the last written first; `next` is what to send as `after` for older ones, null at the end."""

    items: Sequence[AudienceVersion]
    next: int | None = None


EXAMPLE_SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "anyOf": [{"$ref": "#/$defs/All"}]}
EXAMPLE_SENTENCE = {"en": "Residents who speak Swedish."}
EXAMPLE_VERSION = {
    **EXAMPLE,
    "id": "b41c7a3f0d925e68",
    "version": 1,
    "sentence": EXAMPLE_SENTENCE,
    "author": "maija@example.fi",
    "changed": "2026-11-26T09:00:00Z",
}
EXAMPLE_COUNTED = {
    "topic": "new_courses",
    "counted_at": "2026-11-26T09:00:00Z",
    "valid_until": "2026-11-26T09:10:00Z",
    "total": 1230,
    "channels": {"email": 980, "inbox": 310, "sms": None},
    "languages": {"fi": 900, "sv": 120, "en": 90, "other": 40, "unknown": 80},
    "left_out": {"paused": None, "under_age": None, "no_consent": 4120, "no_address": 230, "capped": 60},
    "targetable": True,
    "sentence": EXAMPLE_SENTENCE,
    "at_least": 10,
}


class Notes(Protocol):
    """What processes tell each other (`engine.online`)."""

    async def note(self, name: str, value: bytes, life: timedelta, *, anew: bool = False) -> bool:
        """Keep something for a while."""

    async def noted(self, name: str) -> bytes | None:
        """Return what is kept by a name."""


class Called(Protocol):
    """What lists and campaigns are called (`campaigns.records.lists`)."""

    async def called(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of lists and campaigns."""


class AudienceAnswers:
    """Tells of audiences.

    Parameters
    ----------
    counting
        What counts them.
    notes
        Where what was told is kept for some minutes, for all processes.
    names
        What ids are called.
    called
        What lists and campaigns are called; without it, by their ids.
    """

    def __init__(self, counting: Counting, notes: Notes, names: Names, called: Called | None = None) -> None:
        self._counting = counting
        self._notes = notes
        self._names = names
        self._called = called

    async def count(self, question: Question, now: datetime) -> Counted:
        """Return the counts of an audience as they may be told.

        Raises
        ------
        Unavailable
            Nobody can say just now.
        """
        tree, topic, channels = question.tree, question.topic, sorted(set(question.channels))
        asked = f"{topic} {channels} {canonical(tree)}"
        name = f"audience:{blake2b(asked.encode(), digest_size=16).hexdigest()}"
        if (held := await self._notes.noted(name)) is not None:
            return msgspec.json.decode(held, type=Counted)
        found = await self._counting.count(tree, topic, channels, now)

        def told(count: int, part: str) -> int | None:
            return self._counting.told(count, tree, topic, channels, part)

        counted = Counted(
            topic=topic,
            counted_at=now,
            valid_until=now + KEPT,
            total=told(found.total, "total"),
            channels={channel: told(found.channels[channel], f"channel {channel}") for channel in channels},
            languages={name: told(found.languages.get(name, 0), f"language {name}") for name in LANGUAGES},
            left_out={str(out): told(found.out[out], f"out {out}") for out in Out},
            targetable=told(found.aimed, AIMED) is not None,
            sentence=await self._said(tree),
        )
        await self._notes.note(name, msgspec.json.encode(counted), KEPT)
        return counted

    async def _said(self, tree: Tree) -> Localized:
        own = {
            node.of if isinstance(node, Member) else node.campaign
            for _, node, _ in walk(tree)
            if isinstance(node, Member | WasSent | Followed)
        }
        called = await self._called.called(own) if own and self._called is not None else {}

        def name(id_: str, language: Language) -> str:
            return called.get(id_) or self._names(id_, language)

        return sentences(tree, name)

    async def version(self, its: Revision[Draft]) -> AudienceVersion:
        """Return a version as it is told."""
        content = its.content
        return AudienceVersion(
            id=its.id,
            version=its.version,
            department=content.department,
            name=content.name,
            tree=content.tree,
            sentence=await self._said(content.tree),
            author=its.author,
            changed=its.time,
        )
