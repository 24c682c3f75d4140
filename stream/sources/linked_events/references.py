"""What records refer to by id (places, keywords, organisations), fetched once and kept."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from engine.districts import Divisions
from engine.language import Localized
from engine.offers import Keyword, Place
from engine.records.imports import Imports
from stream.sources.linked_events.concepts import LABELLED, read_keyword
from stream.sources.linked_events.fields import reference
from stream.sources.linked_events.mapping import SYSTEM, Draft
from stream.sources.linked_events.places import MADE, complete, read_place
from stream.sources.linked_events.source import Source
from stream.sources.linked_events.texts import fill, localized

PLACE, KEYWORD, ORGANISATION = "place", "keyword", "organization"
WORTH_A_LIST = 50
MOST_SINGLE = 300
"""From so many unknown ids on, the whole list is fetched; of what is left, so many one by one in a run."""

T = TypeVar("T")
Contents = Mapping[str, msgspec.Raw | None]


class References(msgspec.Struct, frozen=True):
    """What is known of the places, keywords and organisations that some drafts name."""

    places: dict[str, Place | None]
    labels: dict[str, Localized | None]
    organisations: dict[str, Localized | None]

    def complete(self, draft: Draft, divisions: Divisions) -> Draft:
        """Return the draft with labels, place and organiser filled in."""
        offer = draft.offer
        organiser = self.organisations.get(draft.publisher or "") or Localized()
        place = offer.place
        return msgspec.structs.replace(
            draft,
            offer=msgspec.structs.replace(
                offer,
                keywords=self._labelled(offer.keywords),
                audience=self._labelled(offer.audience),
                place=place and complete(place, self.places.get(place.id), divisions),
                organiser=offer.organiser or organiser.fi or None,
            ),
        )

    def _labelled(self, keywords: Iterable[Keyword]) -> tuple[Keyword, ...]:
        return tuple(Keyword(k.id, fill(k.label, self.labels.get(k.id) or Localized())) for k in keywords)


def wanted(drafts: Iterable[Draft]) -> dict[str, set[str]]:
    """Return the ids that drafts name, by kind."""
    found: dict[str, set[str]] = {PLACE: set(), KEYWORD: set(), ORGANISATION: set()}
    for draft in drafts:
        offer = draft.offer
        found[KEYWORD].update(k.id for k in (*offer.keywords, *offer.audience))
        if offer.place is not None:
            found[PLACE].add(offer.place.id)
        if draft.publisher is not None and offer.organiser is None:
            found[ORGANISATION].add(draft.publisher)
    return found


async def keep_told(imports: Imports, drafts: Iterable[Draft]) -> None:
    """Keep what records themselves tell of the things they name: others may name the same by id only."""
    labels: dict[str, msgspec.Raw | None] = {}
    places: dict[str, msgspec.Raw | None] = {}
    points: dict[str, msgspec.Raw | None] = {}
    for draft in drafts:
        labels.update({k.id: _raw(k.label) for k in (*draft.offer.keywords, *draft.offer.audience) if k.label})
        if (place := draft.offer.place) is not None and (place.name or place.address):
            places[place.id] = _raw(place)
            # No register knows of a made id, so the record that also has the point knows it best.
            if place.id.startswith(MADE) and place.lat is not None:
                points[place.id] = _raw(place)
    await imports.records.refer(SYSTEM, KEYWORD, labels, renew=False)
    await imports.records.refer(SYSTEM, PLACE, places, renew=False)
    await imports.records.refer(SYSTEM, PLACE, points)


def read(kind: str, item: Mapping[str, object]) -> tuple[str, msgspec.Raw] | None:
    """Return the id and the content of an object of the place, keyword or organisation endpoint."""
    if kind == PLACE:
        place = read_place(item)
        return (place.id, _raw(place)) if place is not None else None
    if kind == KEYWORD:
        keyword = read_keyword(item)
        return (keyword.id, _raw(keyword.label)) if keyword is not None else None
    id_ = reference(item)
    return (id_, _raw(localized(item.get("name")))) if id_ is not None else None


async def known(imports: Imports, drafts: Iterable[Draft]) -> References:
    """Return what is kept of the things that drafts name."""
    ids = wanted(drafts)
    places = await imports.records.references(SYSTEM, PLACE, ids[PLACE])
    labels = await imports.records.references(SYSTEM, KEYWORD, ids[KEYWORD])
    names = await imports.records.references(SYSTEM, ORGANISATION, ids[ORGANISATION])
    return References(
        {id_: _decoded(text, Place) for id_, text in places.items()},
        {id_: _decoded(text, Localized) for id_, text in labels.items()},
        {id_: _decoded(text, Localized) for id_, text in names.items()},
    )


async def fetch(
    source: Source, imports: Imports, ids: Mapping[str, set[str]], say: Callable[[str], None], *, renew: bool
) -> None:
    """Fetch what is not known yet of the ids; with `renew`, also the lists of all that coming events use."""
    for kind, all_named in ids.items():
        named = {id_ for id_ in all_named if not id_.startswith((MADE, LABELLED))}
        missing = named - set(await imports.records.references(SYSTEM, kind, named))
        if kind != ORGANISATION and (renew or len(missing) > WORTH_A_LIST):
            say(f"Fetching the list of {kind}s ...")
            missing -= await _fetch_list(source, imports, kind)
        if missing:
            say(f"Fetching {min(len(missing), MOST_SINGLE)} of {len(missing)} {kind}s that the list lacks ...")
        for id_ in sorted(missing)[:MOST_SINGLE]:
            await imports.records.refer(SYSTEM, kind, {id_: await _fetch_one(source, kind, id_)})


async def _fetch_list(source: Source, imports: Imports, kind: str) -> set[str]:
    found: set[str] = set()
    async for batch in _batches(source, kind):
        await imports.records.refer(SYSTEM, kind, batch)
        found.update(batch)
    return found


async def _batches(source: Source, kind: str) -> AsyncIterator[Contents]:
    batch: dict[str, msgspec.Raw | None] = {}
    async for item in source.listed(kind):
        # What is replaced is left for `_fetch_one`, which follows it to its successor.
        if (found := read(kind, item)) is not None and reference(item.get("replaced_by")) is None:
            batch[found[0]] = found[1]
        if len(batch) >= WORTH_A_LIST:
            yield batch
            batch = {}
    yield batch


async def _fetch_one(source: Source, kind: str, id_: str) -> msgspec.Raw | None:
    item = await source.one(kind, id_)
    if item is not None and (successor := reference(item.get("replaced_by"))) is not None:
        item = await source.one(kind, successor) or item
    found = read(kind, item) if item is not None else None
    return found and found[1]


def _decoded(text: str | None, type_: type[T]) -> T | None:
    return None if text is None else msgspec.json.decode(text, type=type_)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
