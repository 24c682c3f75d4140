"""Offers in SQL: one row an offer with its version, and the search over them."""

import base64
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import InvalidInput
from engine.events import OfferChange
from engine.happenings import OF_OFFERS, changes
from engine.offers import NO_END_MEANS, Access, Kind, Offer, Status, decode, encode
from engine.records import happenings
from engine.records.database import Database

CHANNEL = "offers"
"""The notification that offers changed; its payload is the newest version."""

_FAR = "infinity"
# An offer that says the same as before keeps its version, so that an import repeated changes nothing anywhere.
_WRITE = text("""
    INSERT INTO offers (id, source, kind, starts, ends, live_until, place, district, lat, lon, free, search, content,
                        deleted, changed, version)
    SELECT e.id, e.source, e.kind, e.starts, e.ends, e.live_until, e.place, e.district, e.lat, e.lon, e.free, e.search,
           e.content, false, :now, nextval('offer_versions')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(
        id text, source text, kind text, starts timestamptz, ends timestamptz, live_until timestamptz, place text,
        district text, lat double precision, lon double precision, free boolean, search text, content jsonb)
    ON CONFLICT (id) DO UPDATE SET
        source = excluded.source, kind = excluded.kind, starts = excluded.starts, ends = excluded.ends,
        live_until = excluded.live_until, place = excluded.place, district = excluded.district, lat = excluded.lat,
        lon = excluded.lon, free = excluded.free, search = excluded.search, content = excluded.content,
        deleted = false, changed = excluded.changed, version = excluded.version
    WHERE offers.content <> excluded.content OR offers.deleted
    RETURNING id
""")
_DELETE = text("""
    UPDATE offers SET deleted = true, changed = :now, version = nextval('offer_versions')
    WHERE id = ANY(:ids) AND NOT deleted RETURNING id
""")
_BEFORE = text("SELECT id, deleted, content::text AS content FROM offers WHERE id = ANY(:ids)")
_SINCE = text("""
    SELECT id, version, CASE WHEN deleted OR live_until <= :now THEN NULL ELSE content::text END AS content
    FROM offers WHERE version > :version AND (:version > 0 OR (NOT deleted AND live_until > :now))
    ORDER BY version
""")
_SEARCH = """
    SELECT id, coalesce(starts, 'infinity') AS sort, content::text AS content FROM offers
    WHERE NOT deleted {where} ORDER BY sort, id LIMIT :limit
"""
_FILTERS = {
    "kinds": "kind = ANY(:kinds)",
    "place": "place = :place",
    "district": ":district IN (content->'place'->>'district', content->'place'->>'major_district', "
    "content->'place'->>'neighborhood')",
    "keyword": "content->'keywords' @> jsonb_build_array(jsonb_build_object('id', CAST(:keyword AS text)))",
    "starts_from": "coalesce(ends, starts + interval '2 hours', 'infinity') >= :starts_from",
    "until": "coalesce(starts, '-infinity') <= :until",
    "free": "free = :free",
    "languages": "content->'languages' ?| :languages",
    "access": "content->'access' @> CAST(:access AS jsonb)",
    "age": "coalesce((content->>'age_min')::int, 0) <= :age AND coalesce((content->>'age_max')::int, 200) >= :age",
}
_DISTANCE = (
    "lat IS NOT NULL AND 6371000 * 2 * asin(least(1, sqrt("
    "power(sin(radians(lat - :lat) / 2), 2)"
    " + cos(radians(:lat)) * cos(radians(lat)) * power(sin(radians(lon - :lon) / 2), 2)))) <= :radius_metres"
)


class OfferSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; None asks nothing. `near` is (latitude, longitude), `radius_metres` goes with it."""

    text: str | None = None
    kinds: tuple[Kind, ...] = ()
    keyword: str | None = None
    place: str | None = None
    district: str | None = None
    starts_from: datetime | None = None
    until: datetime | None = None
    free: bool | None = None
    languages: tuple[str, ...] = ()
    access: tuple[Access, ...] = ()
    age: int | None = None
    near: tuple[float, float] | None = None
    radius_metres: float = 2_000.0
    include_past: bool = False


class OfferRecords:
    """Reads and writes offers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, changes: Sequence[OfferChange], now: datetime) -> set[str]:
        """Write what sources tell; return the ids that really changed. The last change of an id wins."""
        latest = {change.id: change for change in changes}
        offers = [decode(change.offer) for change in latest.values() if not change.gone]
        gone = [change.id for change in latest.values() if change.gone]
        async with self._database.begin() as connection:
            # One writer at a time: versions then become visible in their order, and a reader never skips one.
            await connection.execute(text("SELECT pg_advisory_xact_lock(8456)"))
            changed: set[str] = set()
            if offers:
                before = await _before(connection, offers)
                written = await connection.execute(_WRITE, {"rows": _rows(offers), "now": now})
                changed.update(written.scalars())
                if before is not None:
                    await _tell(connection, before, [offer for offer in offers if offer.id in changed], now)
            if gone:
                changed.update((await connection.execute(_DELETE, {"ids": gone, "now": now})).scalars())
            if changed:
                await connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
        return changed

    async def get(self, id: str) -> Offer | None:  # noqa: A002 - the field's name
        """Return one offer, past ones too, or None."""
        return (await self.many([id])).get(id)

    async def many(self, ids: Sequence[str]) -> dict[str, Offer]:
        """Return the offers of those ids that exist, past and deleted ones too."""
        query = text("SELECT id, content::text AS content FROM offers WHERE id = ANY(:ids) AND NOT deleted")
        async with self._database.begin() as connection:
            found = await connection.execute(query, {"ids": list(ids)})
            return {row.id: decode(row.content) for row in found}

    async def remembered(self, ids: Sequence[str]) -> dict[str, Offer]:
        """Return the offers of those ids even where a source has taken them away: what was learned from them holds."""
        async with self._database.begin() as connection:
            return await remembered(connection, ids)

    async def changed(self, version: int | None) -> tuple[set[str], int]:
        """Return the ids of what changed after `version`, none where it is None, and the version of now."""
        async with self._database.begin() as connection:
            newest = (await connection.execute(text("SELECT coalesce(max(version), 0) FROM offers"))).scalar_one()
            if version is None or version == newest:
                return set(), newest
            query = text("SELECT id FROM offers WHERE version > :version AND version <= :newest")
            found = await connection.execute(query, {"version": version, "newest": newest})
            return set(found.scalars()), newest

    async def existing(self, ids: Sequence[str]) -> set[str]:
        """Return which of the ids are known."""
        async with self._database.begin() as connection:
            found = await connection.execute(text("SELECT id FROM offers WHERE id = ANY(:ids)"), {"ids": list(ids)})
            return set(found.scalars())

    async def places(self, ids: Sequence[str]) -> set[str]:
        """Return at which of some places offers are or were."""
        query = "SELECT p FROM unnest(CAST(:ids AS text[])) p WHERE EXISTS (SELECT FROM offers WHERE place = p)"
        async with self._database.begin() as connection:
            return set((await connection.execute(text(query), {"ids": list(ids)})).scalars())

    async def since(self, version: int, now: datetime) -> AsyncIterator[tuple[int, str, Offer | None]]:
        """Yield (version, id, offer) of what changed after `version`; from 0, all that may still be suggested.

        The offer is None where it is gone or over.
        """
        async with self._database.begin() as connection:
            found = await connection.stream(_SINCE, {"version": version, "now": now})
            async for row in found:
                yield row.version, row.id, None if row.content is None else decode(row.content)

    async def count(self) -> int:
        """Return how many offers are known and not taken away."""
        async with self._database.begin() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM offers WHERE NOT deleted"))).scalar_one())

    async def search(
        self, asked: OfferSearch, now: datetime, limit: int = 20, after: str | None = None
    ) -> tuple[list[Offer], str | None]:
        """Return the soonest offers that match, and the cursor of the next page or None.

        Raises
        ------
        InvalidInput
            `after` is not a cursor that this method gave.
        """
        where, values = _where(asked, now)
        if after is not None:
            values["sort"], values["id"] = _open_cursor(after)
            where.append("(coalesce(starts, 'infinity'), id) > (CAST(:sort AS timestamptz), :id)")
        statement = text(_SEARCH.format(where="".join(f" AND ({clause})" for clause in where)))
        async with self._database.begin() as connection:
            found = (await connection.execute(statement, {**values, "limit": limit + 1})).all()
        page = [decode(row.content) for row in found[:limit]]
        return page, _cursor(page[-1]) if len(found) > limit else None


async def _before(connection: AsyncConnection, offers: Sequence[Offer]) -> dict[str, Offer | None] | None:
    """Return what offers were before they are written, None those taken away; None where nobody wants to know."""
    if not await happenings.heard(connection, OF_OFFERS):
        return None
    found = await connection.execute(_BEFORE, {"ids": [offer.id for offer in offers]})
    return {row.id: None if row.deleted else decode(row.content) for row in found}


async def _tell(
    connection: AsyncConnection, before: Mapping[str, Offer | None], offers: Sequence[Offer], now: datetime
) -> None:
    """Note what has happened to offers. What a source takes away and brings back is neither new nor changed."""
    known = [(before.get(offer.id), offer) for offer in offers if before.get(offer.id) or offer.id not in before]
    await happenings.note(connection, [its for was, offer in known for its in changes(was, offer, now)])


def _rows(offers: Sequence[Offer]) -> str:
    return msgspec.json.encode([_row(offer) for offer in offers]).decode()


def _row(offer: Offer) -> dict[str, Any]:
    place = offer.place
    return {
        "id": offer.id,
        "source": offer.source,
        "kind": offer.kind,
        "starts": offer.starts,
        "ends": offer.ends,
        "live_until": _live_until(offer),
        "place": place and place.id,
        "district": place and place.district,
        "lat": place and place.lat,
        "lon": place and place.lon,
        "free": offer.free,
        "search": _search_text(offer),
        "content": msgspec.Raw(encode(offer)),
    }


def _live_until(offer: Offer) -> datetime | str:
    """Until when the offer may be suggested: a row past it need not be loaded."""
    if offer.status in (Status.CANCELLED, Status.POSTPONED):
        return "-infinity"
    if offer.starts is None:
        return offer.ends or _FAR
    end = offer.ends or offer.starts + NO_END_MEANS
    return min(end, offer.enrolment_closes) if offer.enrolment_closes else end


def _search_text(offer: Offer) -> str:
    texts = [offer.name, offer.summary, *(k.label for k in offer.keywords)]
    if offer.place:
        texts.append(offer.place.name)
    words = [word for t in texts for word in (t.fi, t.sv, t.en) if word]
    return " ".join(dict.fromkeys(words)).lower()[:8_000]


def _where(asked: OfferSearch, now: datetime) -> tuple[list[str], dict[str, Any]]:
    values = {name: value for name in _FILTERS if (value := getattr(asked, name)) not in (None, ())}
    where = [_FILTERS[name] for name in values]
    if asked.kinds:
        values["kinds"] = [str(kind) for kind in asked.kinds]
    if asked.languages:
        values["languages"] = list(asked.languages)
    if asked.access:
        values["access"] = msgspec.json.encode(asked.access).decode()
    if asked.near is not None:
        values["lat"], values["lon"] = asked.near
        values["radius_metres"] = asked.radius_metres
        where.append(_DISTANCE)
    if not asked.include_past:
        where.append("live_until > :now")
        values["now"] = now
    for n, word in enumerate((asked.text or "").lower().split()[:8]):
        where.append(f"search LIKE :word{n}")
        values[f"word{n}"] = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return where, values


def _cursor(last: Offer) -> str:
    sort = last.starts.isoformat() if last.starts else _FAR
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, last.id])).decode().rstrip("=")


def _open_cursor(cursor: str) -> tuple[str, str]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        sort, id_ = msgspec.json.decode(raw, type=tuple[str, str])
        if sort != _FAR:
            sort = datetime.fromisoformat(sort).isoformat()  # what PostgreSQL reads too; a week date it does not
        if "\0" in id_:
            raise ValueError(id_)  # noqa: TRY301 - one way out for all that we never gave
    except ValueError as error:
        raise InvalidInput("Use the `next` of the page before as the cursor.", field="after") from error
    else:
        return sort, id_


async def remembered(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Offer]:
    """Return what `OfferRecords.remembered` does, in a transaction of the caller's."""
    query = text("SELECT id, content::text AS content FROM offers WHERE id = ANY(:ids)")
    found = await connection.execute(query, {"ids": list(ids)})
    return {row.id: decode(row.content) for row in found}
