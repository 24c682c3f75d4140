"""Finds the offers that a target of the city's names (`engine.rules.Target`), over the catalogue's columns."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import Catalogue, Live
from engine.columns import KINDS, NEVER
from engine.rules import Target
from engine.taste import key

Mask = NDArray[np.bool_]


def matching(target: Target, catalogue: Catalogue, live: Live) -> Mask:
    """Return which rows of `live`, the newest of `catalogue`, are meant and may be suggested now. Shape (rows,)."""
    meant: Mask = live.next < NEVER
    for named in _conditions(target, catalogue, live):
        meant &= named
    return meant


def _conditions(target: Target, catalogue: Catalogue, live: Live) -> Iterator[Mask]:
    rows, columns, vocabulary = len(live.next), live.columns, catalogue.vocabulary
    if target.offers:
        yield _at(catalogue.rows([key(id_) for id_ in target.offers]), rows)
    if target.sources:
        yield np.isin(columns.source[:rows], _slots(catalogue, "source", target.sources))
    if target.places:
        yield np.isin(columns.place[:rows], _slots(catalogue, "place", target.places))
    if target.organisers:
        yield _having(_slots(catalogue, "organiser", target.organisers), live)
    if target.keywords:
        yield _having(_slots(catalogue, "keyword", target.keywords), live)
    if target.districts:
        families = ("district", "neighborhood")
        yield _having([slot for family in families for slot in _slots(catalogue, family, target.districts)], live)
    if target.kinds:
        yield columns.traits[:rows] & np.uint32(sum({KINDS[kind] for kind in target.kinds})) > 0
    if target.languages:
        bits = sum({vocabulary.language_bit(code) for code in target.languages})
        yield columns.languages[:rows] & np.uint32(bits) > 0
    if target.small_venues is not None:
        yield _at_small_venues(target.small_venues, live)


def _slots(catalogue: Catalogue, family: str, values: Iterable[str]) -> list[int]:
    """Return the slots of names; -1, which no row has, where none is known."""
    slots = [catalogue.vocabulary.slot(key(f"{family}:{value}")) for value in values]
    return [slot for slot in slots if slot] or [-1]


def _having(slots: Iterable[int], live: Live) -> Mask:
    """Return which rows have one of the slots: those of the postings are listed, the newest are looked through."""
    rows, postings = len(live.next), live.postings
    wanted = [slot for slot in slots if slot > 0]
    listed = [
        postings.rows[postings.starts[slot] : postings.starts[slot + 1]]
        for slot in wanted
        if slot + 1 < len(postings.starts)
    ]
    found = np.zeros(rows, np.bool_)
    for some in listed:
        found[some] = True
    if wanted and postings.until < rows:
        tail = live.columns.slots[postings.until : rows]
        found[postings.until :] |= np.isin(tail, wanted).any(axis=1)
    return found


def _at_small_venues(most: int, live: Live) -> Mask:
    places = live.columns.place[: len(live.next)]
    counts = np.bincount(places[live.rows], minlength=int(places.max(initial=0)) + 1)
    return (counts[places] <= most) & (places > 0)


def _at(rows: Iterable[int], size: int) -> Mask:
    found = np.zeros(size, np.bool_)
    found[[row for row in rows if row < size]] = True
    return found
