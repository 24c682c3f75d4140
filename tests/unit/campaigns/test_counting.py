"""Counts of audiences: one reason each, and no small group by subtraction."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.audience import Everyone, Speaks
from campaigns.caps import week
from campaigns.counting import Counting, Out
from campaigns.facts import MINOR, PAUSED, Facts, addressed, capped
from campaigns.index import Index
from engine.counts import Counts
from engine.errors import TooFew
from engine.marketing import CHANNELS

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MARKS = [
    MINOR,
    PAUSED,
    "first:sv",
    "first:unknown",
    *(f"marketing_library_{channel}" for channel in CHANNELS),
    *(addressed(channel) for channel in CHANNELS),
    *(capped(channel, week(NOW)) for channel in CHANNELS),
]


def counting(crowd, secret=b"a secret"):
    index = Index()
    for n, marks in enumerate(crowd):
        index.put(Facts(resident=f"r{n}", marks=frozenset(marks)))
    return Counting(SimpleNamespace(index=index), Counts(secret))


def judged(marks, channels) -> Out | None:
    """Say of one person why they are not reached, as plainly as can be."""
    allowed = [c for c in channels if f"marketing_library_{c}" in marks]
    at_hand = [c for c in allowed if c == "inbox" or addressed(c) in marks]
    if not allowed:
        return Out.PAUSED if PAUSED in marks else Out.UNDER_AGE if MINOR in marks else Out.NO_CONSENT
    if not at_hand:
        return Out.NO_ADDRESS
    return Out.CAPPED if all(capped(c, week(NOW)) in marks for c in at_hand) else None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.frozensets(st.sampled_from(MARKS)), max_size=12),
    st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True),
)
async def test_everybody_is_reached_or_has_one_reason(crowd, channels):
    found = await counting(crowd).count(Everyone(), "library", channels, NOW)
    reasons = [judged(marks, channels) for marks in crowd]
    assert found.out == {out: reasons.count(out) for out in Out}
    assert found.total == reasons.count(None)
    assert found.aimed == found.total + found.out[Out.CAPPED]
    for channel in channels:
        assert found.channels[channel] == sum(judged(marks, [channel]) is None for marks in crowd)


async def test_whom_a_run_means_are_so_many_as_the_count_calls_targetable_though_their_week_is_full():
    reached = {"marketing_library_email", addressed("email")}
    its = counting([{*reached, capped("email", week(NOW))}] * 25)
    assert (await its.count(Everyone(), "library", ("email",), NOW)).total == 0
    assert [len(some) async for some in its.members(Everyone(), "library", ("email",), NOW)] == [25]
    without = counting([{"marketing_library_email"}] * 25)
    with pytest.raises(TooFew):
        _ = [some async for some in without.members(Everyone(), "library", ("email",), NOW)]


async def test_no_difference_of_what_is_told_says_how_small_a_reason_is():
    """Whatever an answer shows, a reason of none, of five and of ten people all go with it."""
    reached = {"marketing_library_email", addressed("email"), "language:sv"}
    tree, shown = Speaks(language="sv"), defaultdict(set)
    for few, more, secret in product((0, 5, 10), range(0, 30, 3), range(20)):
        crowd = [{*reached, "first:sv"}] * (200 + more - few) + [{"language:sv"}] * 100
        crowd += [{*reached, capped("email", week(NOW))}] * few
        its = counting(crowd, str(secret).encode())
        found = await its.count(tree, "library", ("email",), NOW)
        parts = {"total": found.total, **{f"language {name}": n for name, n in found.languages.items()}}
        parts |= {f"out {out}": n for out, n in found.out.items()}
        told = {part: its.told(n, tree, "library", ("email",), part) for part, n in parts.items()}
        assert told["out capped"] is None
        shown[few].add(tuple(told.values()))
    assert shown[0] & shown[5] & shown[10]
