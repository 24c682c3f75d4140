"""Happenings in SQL: who listens, what waits to be spoken of, and to whom it happened."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import text

from engine.events import AwareTime, Pseudonym
from engine.happenings import Happening, opened
from engine.offers import Offer, decode
from engine.records import happenings
from engine.records.database import Database

KEPT = timedelta(days=9)
"""How long a happening is known: the longest delay, and the day for which it may still be spoken of."""
_LISTENING = text("SELECT campaign, array_agg(kind) AS kinds FROM listeners GROUP BY campaign")
_LISTEN = text("""
    INSERT INTO listeners (kind, campaign, delay, since)
    SELECT kind, :campaign, :delay, :now FROM unnest(CAST(:kinds AS text[])) AS k(kind) ON CONFLICT DO NOTHING
""")
_RETIRE = text("DELETE FROM listeners WHERE campaign = ANY(:campaigns)")
_GIVE_UP = text("DELETE FROM reactions WHERE campaign = ANY(:campaigns)")
_WAITING = text("SELECT DISTINCT campaign FROM reactions WHERE campaign = ANY(:campaigns) AND due <= :now")
_DUE = text("""
    SELECT h.id, h.kind, h.offers, h.named, h.time, r.due FROM reactions r JOIN happenings h ON h.id = r.happening
    WHERE r.campaign = :campaign AND r.due <= :now ORDER BY r.due, h.id LIMIT :most
""")
_SETTLE = text("DELETE FROM reactions WHERE campaign = :campaign AND happening = ANY(:happenings)")
# All else stays known as long as it is kept: what is closed may happen again.
_CLOSE = text("UPDATE happenings SET open = false WHERE id = :happening AND starts_with(kind, 'journal_event:')")
_HEARD_SINCE = text("SELECT min(since) FROM listeners WHERE kind = :kind")
_OPENED = text("""
    SELECT id, moment(content->>'enrolment_opens') AS opens FROM offers
    WHERE NOT deleted AND content->>'enrolment_opens' IS NOT NULL AND moment(content->>'enrolment_opens') > :since
        AND moment(content->>'enrolment_opens') <= :now AND live_until > :now
        AND coalesce((content->>'seats_left')::integer, 1) > 0
    ORDER BY id
""")
_STARTING = text("""
    SELECT content::text AS content FROM offers o
    WHERE NOT deleted AND live_until > :now AND starts < :last AND coalesce(ends, starts) >= :first
        AND EXISTS (SELECT FROM journal j WHERE j.offer = o.id AND j.type = 'save')
    ORDER BY id
""")
_BORN = text("SELECT EXISTS (SELECT FROM dependants WHERE born = ANY(:born))")
_GUARDIANS = text("""
    SELECT DISTINCT g.guardian FROM guardians g JOIN dependants d ON d.resident = g.dependant
    WHERE d.born = ANY(:born) ORDER BY 1
""")
_WANTED = text("""
    SELECT DISTINCT resident FROM journal
    WHERE offer = ANY(:offers) AND type IN ('save', 'register') AND accepted <= :time ORDER BY 1
""")
_NAMED = text("SELECT resident FROM happening_residents WHERE happening = :happening ORDER BY 1")
# Who allows no message at all is not noted: nothing would come of it.
_NAME = text("""
    INSERT INTO happening_residents (happening, resident, purpose, time)
    SELECT :happening, r.pseudonym, 'marketing', :now FROM residents r
    WHERE r.pseudonym = ANY(:residents) AND EXISTS (
        SELECT FROM consents c
        WHERE c.resident = r.pseudonym AND c.granted AND starts_with(c.purpose, 'marketing_') FOR SHARE OF c)
    ORDER BY r.pseudonym
""")
_AT_PLACE = text("SELECT count(*) FROM offers WHERE place = :place AND NOT deleted AND live_until > :now")
_SWEEP = text("DELETE FROM happenings WHERE time < :before")


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign has yet to speak of; `due` is from when on it may."""

    id: int
    kind: str
    offers: tuple[str, ...]
    named: bool
    time: AwareTime
    due: AwareTime


class HappeningRecords:
    """Keeps happenings (see `campaigns.triggering`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def webhook(
        self, name: str, id_: str, residents: Sequence[Pseudonym], offers: Sequence[str], now: datetime
    ) -> bool:
        """Note what a system of the city says; say whether it is new. When this returns it is there to stay.

        Parameters
        ----------
        name, id_
            The webhook's name, and by what the system knows what it says: nine days long the same is known again.
        residents
            Whom it is about; nobody for everybody in the audience of the campaign that speaks of it.
        offers
            Ids of the offers that it is about.
        """
        kind, named = f"webhook:{name}", bool(residents)
        said = Happening(kind=kind, source=id_, offers=tuple(dict.fromkeys(offers)), named=named, time=now)
        async with self._database.begin() as connection:
            found = await happenings.note(connection, [said])
            if not found:
                return False
            values = {"happening": found[kind, id_], "residents": list(residents), "now": now}
            await connection.execute(_NAME, values)
            return True

    async def listening(self) -> Mapping[str, Collection[str]]:
        """Return the kinds that each campaign listens for."""
        async with self._database.begin() as connection:
            return {row.campaign: set(row.kinds) for row in await connection.execute(_LISTENING)}

    async def listen(self, campaign: str, kinds: Collection[str], delay: timedelta, now: datetime) -> None:
        """Let a campaign listen, to what happens from now on."""
        values = {"campaign": campaign, "kinds": list(kinds), "delay": delay, "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_LISTEN, values)

    async def retire(self, campaigns: Collection[str]) -> None:
        """Let campaigns listen no more, and drop what they had yet to speak of."""
        async with self._database.begin() as connection:
            await connection.execute(_RETIRE, {"campaigns": list(campaigns)})
            await connection.execute(_GIVE_UP, {"campaigns": list(campaigns)})

    async def waiting(self, campaigns: Collection[str], now: datetime) -> Sequence[str]:
        """Return those of the campaigns that have something to speak of now."""
        async with self._database.begin() as connection:
            found = await connection.execute(_WAITING, {"campaigns": list(campaigns), "now": now})
            return list(found.scalars())

    async def due(self, campaign: str, now: datetime, most: int = 500) -> Sequence[Reaction]:
        """Return what a campaign may speak of now, the oldest first."""
        values = {"campaign": campaign, "now": now, "most": most}
        async with self._database.begin() as connection:
            found = await connection.execute(_DUE, values)
            return [
                Reaction(id=r.id, kind=r.kind, offers=tuple(r.offers), named=r.named, time=r.time, due=r.due)
                for r in found
            ]

    async def close(self, happening: int) -> None:
        """Let nobody join an act any more: who does the same later begins another."""
        async with self._database.begin() as connection:
            await connection.execute(_CLOSE, {"happening": happening})

    async def settle(self, campaign: str, happenings_: Collection[int]) -> None:
        """Note that a campaign has spoken, or will not speak, of these."""
        async with self._database.begin() as connection:
            await connection.execute(_SETTLE, {"campaign": campaign, "happenings": list(happenings_)})

    async def note(self, happened: Sequence[Happening]) -> None:
        """Note what the clock brings; what is known is passed over."""
        async with self._database.begin() as connection:
            await happenings.note(connection, happened)

    async def opening(self, since: datetime, now: datetime) -> Sequence[Happening]:
        """Return whose enrolment has opened after `since`, and after somebody began to listen for it."""
        async with self._database.begin() as connection:
            heard = (await connection.execute(_HEARD_SINCE, {"kind": "enrolment_opens"})).scalar_one()
            if heard is None:
                return []
            found = await connection.execute(_OPENED, {"since": max(since, heard), "now": now})
            return [opened(row.id, row.opens) for row in found]

    async def saved(self, first: datetime, last: datetime, now: datetime) -> Sequence[Offer]:
        """Return offers that somebody saved and that go on between two moments."""
        async with self._database.begin() as connection:
            found = await connection.execute(_STARTING, {"first": first, "last": last, "now": now})
            return [decode(row.content) for row in found]

    async def born(self, dates: Collection[date]) -> bool:
        """Say whether any dependant was born on one of the dates."""
        async with self._database.begin() as connection:
            return bool((await connection.execute(_BORN, {"born": list(dates)})).scalar_one())

    async def at_place(self, place: str, now: datetime) -> int:
        """Return how many offers there are at a place."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_AT_PLACE, {"place": place, "now": now})).scalar_one())

    async def guardians(self, born: Collection[date]) -> Sequence[Pseudonym]:
        """Return guardians of dependants born on one of the dates, in order; whether they may be told is not asked."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_GUARDIANS, {"born": list(born)})).scalars())

    async def wanted(self, offers: Collection[str], until: datetime) -> Sequence[Pseudonym]:
        """Return who saved or enrolled in any of the offers, in order; whether it may be used is not asked."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_WANTED, {"offers": list(offers), "time": until})).scalars())

    async def named(self, happening: int) -> Sequence[Pseudonym]:
        """Return to whom something happened, in order."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_NAMED, {"happening": happening})).scalars())

    async def sweep(self, now: datetime) -> None:
        """Drop what is too long ago, and who is named to it."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})
