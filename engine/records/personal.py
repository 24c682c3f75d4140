"""Everything the durable home holds of one person, for that person's own eyes: the right of access."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from engine.accesses import Accessed
from engine.addresses import Address, Vault, opened
from engine.records.accesses import accessed
from engine.records.addresses import KEPT, kept
from engine.records.database import Database
from engine.records.subscriptions import SUBSCRIBED
from engine.records.subscriptions import kept as subscribed
from engine.residents import Interests
from engine.subscriptions import Browser
from engine.subscriptions import opened as opened_browsers

_PSEUDONYM = text("SELECT pseudonym FROM residents WHERE person = :person")
_DECISIONS = text("""
    SELECT l.purpose, l.granted, l.notice, l.time, p.content->>'name' AS partner
    FROM ledger l LEFT JOIN partners p ON l.purpose = 'partner:' || p.id WHERE l.resident = :resident ORDER BY l.seq
""")
_INTERESTS = text("SELECT content::text FROM interests WHERE resident = :resident")
_NAME = "coalesce(o.content->'name'->>'fi', o.content->'name'->>'sv', o.content->'name'->>'en')"
_INTERACTIONS = text(f"""
    SELECT j.offer, {_NAME} AS name, j.type, j.time, j.value, j.suggestion, j.context, j.id
    FROM journal j LEFT JOIN offers o ON o.id = j.offer WHERE j.resident = :resident ORDER BY j.time
""")  # noqa: S608 - our own words
_HANDLES = text("""
    SELECT p.content->>'name' AS name, h.handle FROM partner_handles h JOIN partners p ON p.id = h.partner
    WHERE h.resident = :resident ORDER BY p.registered, p.id
""")
_ACCESSES = text("""
    SELECT time, who, capacity, purpose, what, fields FROM accesses WHERE resident = :resident ORDER BY time, id
""")
_SHOWN = text("""
    SELECT time, basis, offers, tried_place, tried_propensity, model FROM impressions
    WHERE resident = :resident ORDER BY time
""")
_MESSAGES = text("""
    SELECT d.purpose, d.channel, d.state, d.time, i.content->>'subject' AS subject, i.read
    FROM deliveries d LEFT JOIN inbox i ON i.id = d.message WHERE d.resident = :resident
    UNION ALL
    SELECT 'service', coalesce(m.channel, ''), m.state, m.time, i.content->>'subject', i.read
    FROM service_messages m LEFT JOIN inbox i ON i.id = m.id WHERE m.resident = :resident ORDER BY time
""")
_FOLLOWED = text("SELECT link, time FROM follows WHERE resident = :resident ORDER BY time")
_LISTS = text("""
    SELECT l.content->>'name' AS name, l.department, l.content->>'purpose' AS purpose, l.content->>'basis' AS basis,
        m.added, l.until
    FROM list_members m JOIN lists l ON l.id = m.list WHERE m.resident = :resident ORDER BY m.added, l.id
""")
_SUPPRESSED = text("SELECT channel, reason, time FROM suppressions WHERE resident = :resident ORDER BY channel")
_HAPPENED = text("""
    SELECT h.kind, h.offers, r.time FROM happening_residents r JOIN happenings h ON h.id = r.happening
    WHERE r.resident = :resident ORDER BY r.time, h.id
""")
_DEPENDANT = text("SELECT born FROM dependants WHERE resident = :resident")
_TIES = text("""
    SELECT 'DEPENDANT' AS role, r.person, d.born, NULL::text[] AS actions, g.since, NULL::timestamptz AS until
    FROM guardians g JOIN dependants d ON d.resident = g.dependant JOIN residents r ON r.pseudonym = g.dependant
    WHERE g.guardian = :resident
    UNION ALL
    SELECT 'GUARDIAN', NULL, NULL, NULL, since, NULL FROM guardians WHERE dependant = :resident
    UNION ALL
    SELECT 'HELPER', r.person, NULL, h.actions, h.since, h.until
    FROM helpers h JOIN residents r ON r.pseudonym = h.helper WHERE h.resident = :resident
    UNION ALL
    SELECT 'HELPS', r.person, NULL, h.actions, h.since, h.until
    FROM helpers h JOIN residents r ON r.pseudonym = h.resident WHERE h.helper = :resident
    ORDER BY since, role
""")
_WORDS = text("""
    SELECT 'GUARDIANS_WORD' AS role, purpose, granted, notice, since FROM guardian_choices WHERE dependant = :resident
    UNION ALL
    SELECT 'WORD_FOR_DEPENDANT', purpose, granted, notice, since FROM guardian_choices WHERE guardian = :resident
    ORDER BY since, role, purpose
""")


class Decision(msgspec.Struct, frozen=True):
    """One entry of the ledger; of a word on a partner, with the partner's name."""

    purpose: str
    granted: bool
    notice: int
    time: datetime
    partner: str | None = None


class Deed(msgspec.Struct, frozen=True):
    """One interaction, with the offer's name where the offer is still known."""

    offer: str
    name: str | None
    type: str
    time: datetime
    value: int | None
    suggestion: str | None
    context: dict[str, Any] | None
    id: str = ""


class Shown(msgspec.Struct, frozen=True):
    """One answer that was shown."""

    time: datetime
    basis: str
    offers: Sequence[str]
    tried_place: int | None = None
    tried_propensity: float | None = None
    model: str | None = None


class Known(msgspec.Struct, frozen=True):
    """A partner who may read something of the person, and by what it knows them."""

    partner: str
    handle: str


class Kin(msgspec.Struct, frozen=True):
    """Somebody whom one acts for, or who acts for one; other guardians are not named."""

    role: str
    person: UUID | None
    born: date | None
    actions: Sequence[str] | None
    since: datetime
    until: datetime | None


class Said(msgspec.Struct, frozen=True):
    """A guardian's own word on a child's consent."""

    role: str
    purpose: str
    granted: bool
    notice: int
    time: datetime


class Told(msgspec.Struct, frozen=True):
    """A message, and what became of it; of one in the inbox also the subject, and when it was read."""

    purpose: str
    channel: str
    state: str
    time: datetime
    subject: str | None
    read: datetime | None


class Followed(msgspec.Struct, frozen=True):
    """A link of a message that was followed."""

    link: str
    time: datetime


class Suppressed(msgspec.Struct, frozen=True):
    """A channel whose address refused for good, or was complained from."""

    channel: str
    reason: str
    time: datetime


class Happened(msgspec.Struct, frozen=True):
    """What happened to the person that a campaign may speak of: of what kind, with which offers."""

    kind: str
    offers: Sequence[str]
    time: datetime


class Listed(msgspec.Struct, frozen=True):
    """A list of a department that the person is on: what it is for, on which basis, since when and until when."""

    name: str
    department: str
    purpose: str
    basis: str
    added: datetime
    until: datetime


class Personal(msgspec.Struct, frozen=True):
    """All of it, oldest first; the birth date is there of somebody who has, or had, guardians."""

    decisions: Sequence[Decision]
    interests: Interests
    deeds: Sequence[Deed]
    shown: Sequence[Shown]
    partners: Sequence[Known] = ()
    accesses: Sequence[Accessed] = ()
    born: date | None = None
    kin: Sequence[Kin] = ()
    said: Sequence[Said] = ()
    messages: Sequence[Told] = ()
    suppressed: Sequence[Suppressed] = ()
    addresses: Sequence[Address] = ()
    followed: Sequence[Followed] = ()
    happened: Sequence[Happened] = ()
    lists: Sequence[Listed] = ()
    browsers: Sequence[Browser] = ()


class PersonalRecords:
    """Reads what is held of a person; `vault` opens the person's addresses."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def of(self, person: UUID) -> Personal | None:
        """Return everything of a person as of one moment, or None for somebody unknown."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            resident = (await connection.execute(_PSEUDONYM, {"person": person})).scalar_one_or_none()
            if resident is None:
                return None
            its = {"resident": resident}
            told = (await connection.execute(_INTERESTS, its)).scalar_one_or_none()
            return Personal(
                [Decision(*row) for row in await connection.execute(_DECISIONS, its)],
                Interests() if told is None else msgspec.json.decode(told, type=Interests),
                [Deed(*row) for row in await connection.execute(_INTERACTIONS, its)],
                [Shown(*row) for row in await connection.execute(_SHOWN, its)],
                [Known(*row) for row in await connection.execute(_HANDLES, its)],
                [accessed(row) for row in await connection.execute(_ACCESSES, its)],
                (await connection.execute(_DEPENDANT, its)).scalar_one_or_none(),
                [Kin(*row) for row in await connection.execute(_TIES, its)],
                [Said(*row) for row in await connection.execute(_WORDS, its)],
                [Told(*row) for row in await connection.execute(_MESSAGES, its)],
                [Suppressed(*row) for row in await connection.execute(_SUPPRESSED, its)],
                opened(self._vault, resident, [kept(row) for row in await connection.execute(KEPT, its)]),
                [Followed(*row) for row in await connection.execute(_FOLLOWED, its)],
                [Happened(*row) for row in await connection.execute(_HAPPENED, its)],
                [Listed(*row) for row in await connection.execute(_LISTS, its)],
                opened_browsers(
                    self._vault,
                    resident,
                    [subscribed(row) for row in await connection.execute(SUBSCRIBED, {"residents": [resident]})],
                ),
            )
