"""How many an audience has, on which channels and in which languages, and why others drop out; and who, for a sending.

Exact counts leave this module for `engine.counts` alone. Pseudonyms leave it for the run that sends, a chunk at a time,
and that asks for everybody's permit anew.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from pyroaring import BitMap

from campaigns.audience import Member, Tree, Wants, canonical, walk
from campaigns.caps import week
from campaigns.evaluation import SLOW, Evaluation, Narrower
from campaigns.facts import MINOR, PAUSED, addressed, capped
from campaigns.index import Index
from campaigns.wanting import Wanting
from engine.counts import Counts
from engine.errors import Over, TooFew, Unavailable
from engine.events import Pseudonym
from engine.reach import LANGUAGES

AT_ONCE = 1_000
AIMED = "aimed"
SUBJECT = "audiences"
"""All that is told of audiences shares its raises, so that averaging over many descriptions teaches little."""


NEEDS_NO_ADDRESS = frozenset({"inbox"})
"""Channels that reach whoever allows them."""


class Out(StrEnum):
    """Why somebody whom the tree means is not reached: the first of these that holds, so that each is in one.

    Who lets all rest, or is under age, allows nothing at this moment; the last two have allowed it by some channel.
    """

    PAUSED = "paused"
    UNDER_AGE = "under_age"
    NO_CONSENT = "no_consent"
    NO_ADDRESS = "no_address"
    CAPPED = "capped"


class Found(NamedTuple):
    """Exact counts, which no door may tell but through `engine.counts`.

    `total` are those who are reached on any channel, `languages` the same by the first language they told; `aimed` are
    those whom a campaign would be aimed at, whether or not they have heard enough in this week.
    """

    total: int
    channels: Mapping[str, int]
    languages: Mapping[str, int]
    out: Mapping[Out, int]
    aimed: int


class Holder(Protocol):
    """What holds the index, whole and of now."""

    @property
    def index(self) -> Index:
        """The index.

        Raises
        ------
        Unavailable
            It is not there yet, or may not be of now.
        """


class Lists(Protocol):
    """Which lists there are (`campaigns.records.lists`)."""

    async def kept(self, ids: Collection[str], now: datetime) -> Mapping[str, str]:
        """Return the departments of those of some lists that there are."""


class Counting:
    """Counts audiences, and expands them.

    Parameters
    ----------
    holder, counts
        Who there is, and what tells counts.
    narrower
        What is narrower than a keyword.
    wanting
        What knows who would want an offer; without it nobody can say.
    lists
        What knows which lists there are; without it, none ever ends.
    """

    def __init__(
        self,
        holder: Holder,
        counts: Counts,
        narrower: Narrower | None = None,
        wanting: Wanting | None = None,
        lists: Lists | None = None,
    ) -> None:
        self._holder = holder
        self._counts = counts
        self._narrower = narrower or {}
        self._wanting = wanting
        self._lists = lists

    async def count(self, tree: Tree, topic: str, channels: Sequence[str], now: datetime) -> Found:
        """Count those whom a tree means and messages on a topic may reach.

        Raises
        ------
        Unavailable
            The index is not there, or what the tree asks is still being worked out.
        Over
            It asks who would want an offer that is over, or for a list that has ended.
        """
        await self._check_lists(tree, now)
        index = self._holder.index
        wanting = self._prepared(tree, topic, index)
        meant = await self._meant(index, tree, now, wanting)
        allowed = {channel: meant & index.marked(purpose(topic, channel)) for channel in channels}
        at_hand = {channel: _addressed(index, its, channel) for channel, its in allowed.items()}
        free = {channel: its - index.marked(capped(channel, week(now))) for channel, its in at_hand.items()}
        willing, aimed, left = (BitMap.union(*each.values()) & index.live for each in (allowed, at_hand, free))
        silent = meant - willing
        paused = silent & index.marked(PAUSED)
        minors = (silent & index.marked(MINOR)) - paused
        out = {
            Out.PAUSED: len(paused),
            Out.UNDER_AGE: len(minors),
            Out.NO_CONSENT: len(silent) - len(paused) - len(minors),
            Out.NO_ADDRESS: len(willing) - len(aimed),
            Out.CAPPED: len(aimed) - len(left),
        }
        languages = {name: left.intersection_cardinality(index.marked(f"first:{name}")) for name in LANGUAGES}
        reached = {channel: its.intersection_cardinality(index.live) for channel, its in free.items()}
        return Found(len(left), reached, languages, out, len(aimed))

    def told(self, count: int, tree: Tree, topic: str, channels: Sequence[str], part: str) -> int | None:
        """Return a count as it may be told; None for a small group."""
        return self._counts.disclose(count, SUBJECT, f"{part} of {topic} {sorted(channels)} {canonical(tree)}")

    async def members(
        self, tree: Tree, topic: str, channels: Sequence[str], now: datetime, *, few: bool = False
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield whom a tree means and who allows messages on a topic by one of the channels, some at a time.

        Who withdraws meanwhile is not in the chunks that follow. Addresses and caps are for whoever sends to ask.

        Parameters
        ----------
        few
            Whether it may be few people: of messages with a legal basis other than consent alone.

        Raises
        ------
        TooFew
            So small a group may not be meant.
        Unavailable, Over
            As in `count`.
        """
        await self._check_lists(tree, now)
        index = self._holder.index
        wanting = self._prepared(tree, topic, index)
        meant = await self._meant(index, tree, now, wanting)
        allowed = {channel: meant & index.marked(purpose(topic, channel)) & index.live for channel in channels}
        aimed = BitMap.union(*(_addressed(index, its, channel) for channel, its in allowed.items()))
        if not few and self.told(len(aimed), tree, topic, channels, AIMED) is None:
            raise TooFew
        willing = BitMap.union(*allowed.values())
        # Whoever goes on with it in another process works it out anew: the order has to be the same.
        for numbers in _chunks(index.in_order(willing) if wanting else willing.to_array()):
            if self._holder.index is not index:
                raise Unavailable("The index was built anew meanwhile; begin again with those who are left.")
            if names := index.names(numbers):
                yield names

    async def _check_lists(self, tree: Tree, now: datetime) -> None:
        """Refuse a tree with a list that has ended: who was left out by it would otherwise be in."""
        ids = {leaf.of for _, leaf, _ in walk(tree) if isinstance(leaf, Member)}
        if ids and self._lists is not None and ids - (await self._lists.kept(ids, now)).keys():
            raise Over("A list that the audience names has ended; take it out, or fill another one.", field="tree")

    async def _meant(self, index: Index, tree: Tree, now: datetime, wanting: Mapping[Wants, BitMap]) -> BitMap:
        evaluation = Evaluation(index, now, self._narrower, wanting)
        if not any(isinstance(node, SLOW) for _, node, _ in walk(tree)):
            return evaluation.members(tree)
        # In a thread: a tree over what everybody did takes as long as a hundred answers. Who withdraws meanwhile is
        # dead in the index at once, and left out when the count is made.
        async with index.steady:
            return await asyncio.to_thread(evaluation.members, tree)

    def _prepared(self, tree: Tree, topic: str, index: Index) -> Mapping[Wants, BitMap]:
        """Return who would want the offers that a tree asks for."""
        leaves = {leaf for _, leaf, _ in walk(tree) if isinstance(leaf, Wants)}
        if leaves and self._wanting is None:
            raise Unavailable("Nobody can say here who would want an offer; leave that predicate out.")
        return {leaf: self._wanting.of(leaf, topic, index) for leaf in leaves} if self._wanting else {}


class Members:
    """Whom an audience has, for the run that sends."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting

    def of(
        self, tree: Tree, topic: str, channels: Sequence[str], now: datetime, *, few: bool = False
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield chunks of pseudonyms (see `Counting.members`)."""
        return self._counting.members(tree, topic, channels, now, few=few)


def purpose(topic: str, channel: str) -> str:
    """Return the purpose of marketing on a topic by a channel."""
    return f"marketing_{topic}_{channel}"


def _addressed(index: Index, numbers: BitMap, channel: str) -> BitMap:
    """Return those who can be reached by a channel, as far as their addresses go."""
    return numbers if channel in NEEDS_NO_ADDRESS else numbers & index.marked(addressed(channel))


def _chunks(whole: Sequence[int]) -> Iterator[Sequence[int]]:
    return (whole[first : first + AT_ONCE] for first in range(0, len(whole), AT_ONCE))
