"""The chain finds every change: of a field, of a hash, of the order, of what is there."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.chain import GENESIS, Checkpoint, Head, Link, Verdict, digest, verify

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRIES = st.lists(
    st.tuples(st.text(min_size=1, max_size=30), st.sampled_from(["activity", "location"]), st.booleans()),
    min_size=2,
    max_size=12,
)


class Kept:
    """A ledger in memory."""

    def __init__(self, links, head) -> None:
        self._links, self._head = links, head

    async def head(self):
        return self._head

    async def size(self):
        return len(self._links)

    async def links(self):
        for n in range(0, len(self._links), 3):
            yield self._links[n : n + 3]

    async def strays(self):
        return []


def chain(entries) -> list[Link]:
    links, newest = [], GENESIS
    for n, (resident, purpose, granted) in enumerate(entries, start=1):
        link = Link(n, resident, purpose, granted, 1, START + timedelta(microseconds=n), b"")
        newest = digest(newest, link)
        links.append(msgspec.structs.replace(link, hash=newest))
    return links


def head_of(links) -> Head:
    return Head(links[-1].seq, links[-1].hash)


async def check(links, head, *checkpoints) -> Verdict:
    return await verify(Kept(links, head), checkpoints, lambda _done, _of: None)


def point(link: Link) -> Checkpoint:
    return Checkpoint(link.seq, link.hash.hex(), START)


@given(ENTRIES)
async def test_what_nobody_touched_holds(entries):
    links = chain(entries)
    verdict = await check(links, head_of(links), point(links[0]), point(links[-1]))
    assert verdict == Verdict(len(links), head_of(links))


@given(ENTRIES, st.data())
async def test_any_changed_field_is_found_at_its_entry(entries, data):
    links = chain(entries)
    n = data.draw(st.integers(0, len(links) - 1))
    other = data.draw(
        st.sampled_from(
            [
                {"resident": links[n].resident + "x"},
                {"purpose": "measurement"},
                {"granted": not links[n].granted},
                {"notice": 2},
                {"time": links[n].time + timedelta(microseconds=100)},
                {"hash": bytes(32)},
            ]
        )
    )
    links[n] = msgspec.structs.replace(links[n], **other)
    head = head_of(chain(entries))
    assert (await check(links, head)).fault.seq == n + 1


@given(ENTRIES, st.data())
async def test_a_missing_entry_is_named_wherever_it_was(entries, data):
    links = chain(entries)
    n = data.draw(st.integers(0, len(links) - 1))
    verdict = await check(links[:n] + links[n + 1 :], head_of(links))
    assert verdict.fault.seq == n + 1
    assert "missing" in verdict.fault.detail


@given(ENTRIES, st.data())
async def test_two_entries_that_changed_places_are_found(entries, data):
    links = chain(entries)
    n = data.draw(st.integers(0, len(links) - 2))
    one, other = links[n], links[n + 1]
    links[n] = msgspec.structs.replace(other, seq=one.seq)
    links[n + 1] = msgspec.structs.replace(one, seq=other.seq)
    assert (await check(links, head_of(chain(entries)))).fault.seq == n + 1


async def test_a_whole_chain_written_anew_is_found_by_a_signed_checkpoint():
    true = chain([("ann", "activity", True), ("bea", "activity", True), ("ann", "activity", False)])
    false = chain([("ann", "activity", True), ("bea", "activity", False), ("ann", "activity", False)])
    assert (await check(false, head_of(false))).fault is None
    assert (await check(false, head_of(false), point(true[1]))).fault.seq == 2


async def test_newest_entries_taken_away_with_their_head_are_found_by_a_signed_checkpoint():
    links = chain([("ann", "activity", True), ("bea", "activity", True), ("ann", "activity", False)])
    assert (await check(links[:2], head_of(links[:2]))).fault is None
    assert (await check(links[:2], head_of(links[:2]), point(links[2]))).fault.seq == 3


async def test_checkpoints_that_contradict_one_another_are_found():
    links = chain([("ann", "activity", True)])
    forged = Checkpoint(1, "00" * 32, START)
    assert (await check(links, head_of(links), point(links[0]), forged)).fault.seq == 1


async def test_a_missing_head_row_is_found_and_an_empty_ledger_holds():
    links = chain([("ann", "activity", True)])
    assert (await check(links, None)).fault.detail == "the head row is missing"
    assert (await check([], Head(0, GENESIS))).fault is None
