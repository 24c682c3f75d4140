"""Ties in SQL: dependants, guardians with their own words and codes, and helpers (migration 0007).

Locks are taken in the order of `resident_erase`: residents, dependants, guardians.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import Erased
from engine.events import Pseudonym
from engine.records.database import Database
from engine.ties import Action, Dependant, Guardian, Help, Helper, Tie, Ties, Word

_TIE = text("""
    SELECT d.born, coalesce(d.grown, 0) AS grown,
        EXISTS (SELECT FROM guardians g WHERE g.guardian = :actor AND g.dependant = :subject) AS guardian,
        h.actions, h.since, h.until
    FROM (SELECT) one LEFT JOIN dependants d ON d.resident = :subject
    LEFT JOIN helpers h ON h.resident = :subject AND h.helper = :actor
""")
# What a birthday has ended is not told of any more, though it may still be there.
_DEPENDANTS = text("""
    SELECT r.person, d.born, g.since, (SELECT count(*) FROM guardians o WHERE o.dependant = g.dependant) AS guardians
    FROM guardians g JOIN dependants d ON d.resident = g.dependant JOIN residents r ON r.pseudonym = g.dependant
    WHERE g.guardian = :resident AND d.grown < 18 AND birthday(d.born, 18) > :now ORDER BY d.born, r.person
""")
_GUARDIANS = text("""
    SELECT g.guardian IS NOT DISTINCT FROM :viewer AS you, g.since
    FROM guardians g JOIN dependants d ON d.resident = g.dependant
    WHERE g.dependant = :resident AND d.grown < 18 AND birthday(d.born, 18) > :now ORDER BY g.since, g.guardian
""")
_HELP = """
    SELECT r.person, h.actions, h.since, h.until
    FROM helpers h JOIN residents r ON r.pseudonym = h.{other} LEFT JOIN dependants d ON d.resident = h.resident
    WHERE h.{one} = :resident AND h.until > :now AND outgrown(d.born, h.since, :now) IS NULL ORDER BY h.until, r.person
"""
_HELPERS = text(_HELP.format(one="resident", other="helper"))
_HELPING = text(_HELP.format(one="helper", other="resident"))
_WORDS = text("""
    SELECT purpose, guardian IS NOT DISTINCT FROM :viewer AS you, granted, notice, since
    FROM guardian_choices WHERE dependant = :dependant ORDER BY purpose, since, guardian
""")

_LOCK = text("""
    SELECT pseudonym FROM residents WHERE pseudonym IN (:one, :other) ORDER BY pseudonym FOR NO KEY UPDATE
""")
_LOCK_DEPENDANT = text("SELECT FROM dependants WHERE resident = :dependant FOR UPDATE")
_MAY_ADD = text("""
    SELECT coalesce((SELECT born = :born FROM dependants WHERE resident = :dependant), true)
        AND (SELECT count(*) FROM guardians WHERE guardian = :guardian AND dependant <> :dependant) < :most
        AND (SELECT count(*) FROM guardians WHERE dependant = :dependant AND guardian <> :guardian) < :most
""")
_DEPENDANT = text("""
    INSERT INTO dependants (resident, born, grown) VALUES (:dependant, :born, :grown) ON CONFLICT DO NOTHING
""")
_GUARDIAN = text("INSERT INTO guardians VALUES (:guardian, :dependant, :now) ON CONFLICT DO NOTHING")

_UNTOLD = text("SELECT resident FROM dependants WHERE NOT told LIMIT :limit")
_TELL = text("UPDATE dependants SET told = true WHERE resident = :dependant")

_NO_CODE = text("DELETE FROM guardian_codes WHERE guardian = :guardian AND dependant = :dependant")
_CODE = text("INSERT INTO guardian_codes VALUES (:digest, :guardian, :dependant, :until)")
_CODE_FOR = text("SELECT dependant FROM guardian_codes WHERE digest = :digest")
_USE_CODE = text("""
    DELETE FROM guardian_codes c USING dependants d, residents r
    WHERE c.digest = :digest AND c.until > :now AND c.guardian <> :guardian
        AND d.resident = c.dependant AND d.grown < 13 AND birthday(d.born, 13) > :now AND r.pseudonym = c.dependant
        AND (SELECT count(*) FROM guardians g WHERE g.dependant = c.dependant) < :most
    RETURNING c.dependant, r.person
""")
_LEAVE = text("""
    DELETE FROM guardians g USING dependants d
    WHERE g.guardian = :guardian AND g.dependant = :dependant AND d.resident = g.dependant AND (
        d.grown >= 13 OR birthday(d.born, 13) <= :now
        OR EXISTS (SELECT FROM guardians o WHERE o.dependant = g.dependant AND o.guardian <> g.guardian))
""")

_HELPER = text("""
    INSERT INTO helpers (resident, helper, actions, since, until)
    SELECT :one, :other, :actions, :since, :until
    WHERE (SELECT count(*) FROM helpers WHERE resident = :one AND helper <> :other AND until > :since) < :most
    ON CONFLICT (resident, helper) DO UPDATE SET
        actions = excluded.actions, since = excluded.since, until = excluded.until
""")
_NO_HELPER = text("DELETE FROM helpers WHERE resident = :resident AND helper = :helper")

_GROWN = text("""
    SELECT resident, born, CASE WHEN birthday(born, 18) <= :now THEN 18 ELSE 13 END AS reached FROM dependants
    WHERE (grown < 13 AND birthday(born, 13) <= :now) OR (grown < 18 AND birthday(born, 18) <= :now) LIMIT :limit
""")
_GROW = (
    text("UPDATE dependants SET grown = greatest(grown, :reached) WHERE resident = :resident"),
    text("DELETE FROM guardian_choices WHERE dependant = :resident"),
    text("DELETE FROM guardian_codes WHERE dependant = :resident"),
    text("DELETE FROM guardians WHERE dependant = :resident AND :reached >= 18"),
    text("""
        DELETE FROM helpers h USING dependants d
        WHERE h.resident = :resident AND d.resident = h.resident AND h.since < birthday(d.born, :reached)
    """),
)
_TIDY = (
    text("DELETE FROM guardian_codes WHERE until <= :now"),
    text("DELETE FROM helpers WHERE until <= :now"),
    text("DELETE FROM dependants WHERE grown >= 18 AND birthday(born, 19) <= :now"),
)


class FamilyRecords:
    """Reads and writes ties (see `engine.ties.FamilyRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tie(self, actor: Pseudonym | None, subject: Pseudonym) -> Tie:
        """Return how `actor` stands to `subject`; with no actor, what is known of the subject."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_TIE, {"actor": actor, "subject": subject})).one()
        given = None if row.actions is None else Help(frozenset(row.actions), row.since, row.until)
        return Tie(row.born, row.grown, row.guardian, given)

    async def ties(self, resident: Pseudonym, viewer: Pseudonym | None, now: datetime) -> Ties:
        """Return the ties of a resident that hold now, as `viewer` sees them."""
        its = {"resident": resident, "viewer": viewer, "now": now}
        async with self._database.begin() as connection:
            return Ties(
                [Dependant(*row) for row in await connection.execute(_DEPENDANTS, its)],
                [Guardian(*row) for row in await connection.execute(_GUARDIANS, its)],
                [_helper(row) for row in await connection.execute(_HELPERS, its)],
                [_helper(row) for row in await connection.execute(_HELPING, its)],
            )

    async def words(self, dependant: Pseudonym, viewer: Pseudonym | None) -> Mapping[str, Sequence[Word]]:
        """Return each guardian's own word by purpose, as `viewer` sees them."""
        found: dict[str, list[Word]] = {}
        async with self._database.begin() as connection:
            for row in await connection.execute(_WORDS, {"dependant": dependant, "viewer": viewer}):
                found.setdefault(row.purpose, []).append(Word(row.you, row.granted, row.notice, row.since))
        return found

    async def add(  # noqa: PLR0913 - a tie has so many parts
        self, guardian: Pseudonym, dependant: Pseudonym, born: date, grown: int, now: datetime, most: int
    ) -> bool:
        """Make a guardian; False where there are too many, or the birth date is another than is known."""
        its = {"guardian": guardian, "dependant": dependant, "born": born, "now": now}
        async with self._database.begin() as connection:
            await _lock(connection, guardian, dependant)
            if not (await connection.execute(_MAY_ADD, {**its, "most": most})).scalar_one():
                return False
            await connection.execute(_DEPENDANT, {**its, "grown": grown})
            await connection.execute(_GUARDIAN, its)
        return True

    async def untold(self, limit: int) -> Sequence[Pseudonym]:
        """Return dependants whose birth date may not be in force online."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_UNTOLD, {"limit": limit})).scalars())

    async def tell(self, dependant: Pseudonym) -> None:
        """Note that a birth date is in force online."""
        async with self._database.begin() as connection:
            await connection.execute(_TELL, {"dependant": dependant})

    async def put_code(self, digest: bytes, guardian: Pseudonym, dependant: Pseudonym, until: datetime) -> None:
        """Keep a code's digest in the place of what that guardian made for the dependant before."""
        its = {"guardian": guardian, "dependant": dependant}
        async with self._database.begin() as connection:
            await connection.execute(_NO_CODE, its)
            await connection.execute(_CODE, {**its, "digest": digest, "until": until})

    async def use_code(self, digest: bytes, guardian: Pseudonym, now: datetime, most: int) -> UUID | None:
        """Make `guardian` one more guardian of the child that a code is for; the code is used then."""
        async with self._database.begin() as connection:
            dependant = (await connection.execute(_CODE_FOR, {"digest": digest})).scalar_one_or_none()
            if dependant is None:
                return None
            await _lock(connection, guardian, dependant)
            await connection.execute(_LOCK_DEPENDANT, {"dependant": dependant})
            its = {"digest": digest, "guardian": guardian, "now": now}
            row = (await connection.execute(_USE_CODE, {**its, "most": most})).one_or_none()
            if row is None:
                return None
            await connection.execute(_GUARDIAN, {"guardian": guardian, "dependant": dependant, "now": now})
        return UUID(str(row.person))

    async def leave(self, guardian: Pseudonym, dependant: Pseudonym, now: datetime) -> bool:
        """End a guardianship; False where a child under 13 would be left without any."""
        its = {"guardian": guardian, "dependant": dependant}
        async with self._database.begin() as connection:
            await connection.execute(_LOCK_DEPENDANT, {"dependant": dependant})
            return (await connection.execute(_LEAVE, {**its, "now": now})).rowcount > 0

    async def put_helper(self, resident: Pseudonym, helper: Pseudonym, given: Help, most: int) -> bool:
        """Allow a helper; False where there are too many."""
        its = {"one": resident, "other": helper, "actions": sorted(given.actions)}
        async with self._database.begin() as connection:
            await _lock(connection, resident, helper)
            values = {**its, "since": given.since, "until": given.until, "most": most}
            return (await connection.execute(_HELPER, values)).rowcount > 0

    async def end_help(self, resident: Pseudonym, helper: Pseudonym) -> None:
        """End a helper's leave."""
        async with self._database.begin() as connection:
            await connection.execute(_NO_HELPER, {"resident": resident, "helper": helper})

    async def grown(self, now: datetime, limit: int) -> Sequence[tuple[Pseudonym, date, int]]:
        """Return dependants with a birthday behind them of which not all is done: who, born when, and up to which."""
        async with self._database.begin() as connection:
            found = await connection.execute(_GROWN, {"now": now, "limit": limit})
            return [(row.resident, row.born, row.reached) for row in found]

    async def grow(self, resident: Pseudonym, reached: int) -> None:
        """Note that all is done of a birthday: guardians' words, codes and helpers, or the guardianship, are over."""
        async with self._database.begin() as connection:
            await connection.execute(_LOCK_DEPENDANT, {"dependant": resident})
            for statement in _GROW:
                await connection.execute(statement, {"resident": resident, "reached": reached})

    async def tidy(self, now: datetime) -> None:
        """Drop what is over: codes and helpers of the past, and birth dates of people who have been 18 for a year."""
        async with self._database.begin() as connection:
            for statement in _TIDY:
                await connection.execute(statement, {"now": now})


async def _lock(connection: AsyncConnection, one: Pseudonym, other: Pseudonym) -> None:
    """Have two residents to oneself, in the order that everybody keeps.

    Raises
    ------
    Erased
        One of them is nobody's any more.
    """
    if len((await connection.execute(_LOCK, {"one": one, "other": other})).all()) < len({one, other}):
        raise Erased


def _helper(row: Row[Any]) -> Helper:
    return Helper(row.person, [Action(action) for action in row.actions], row.since, row.until)
