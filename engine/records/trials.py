"""What came of what two models suggested, read for a comparison: of residents who allow it at that moment, in chunks.

Leave is given in `engine.consent` alone, as everywhere: a resident counts with a permit for `activity`, which opens
what they did, and one for `measurement` or `learning`, which opens what they were shown; all are asked for in the
transaction that reads, and nothing from before the grants is read. Each counts for the model that they are drawn for:
an answer that another one gave, such as of a process that had yet to hear of the trial, is left out. No pseudonym
leaves this module.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.comparison import KINDS, Followed
from engine.consent import Consents, Permit, Purpose
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.ledger import words
from engine.trial import Lots, Trial
from engine.trial_results import WINDOW

AT_ONCE = 1_000
"""Residents who are read of in one transaction."""
_ASKED = text("""
    SELECT DISTINCT resident FROM consents
    WHERE purpose IN ('measurement', 'learning') AND granted AND resident > :after ORDER BY resident LIMIT :most
""")
# Many clients tell whole seconds of what was done. An act counts for every answer that had shown its offer lately, and
# for the one that it names.
_FOLLOWED = text("""
    SELECT p.model = :trial AS on_trial, count(*) AS shown, count(*) FILTER (WHERE f.opened) AS opened,
           count(*) FILTER (WHERE f.saved) AS saved, count(*) FILTER (WHERE f.registered) AS registered,
           count(*) FILTER (WHERE f.opened OR f.saved OR f.registered) AS any_
    FROM unnest(CAST(:residents AS text[]), CAST(:models AS text[]), CAST(:shown_since AS timestamptz[]),
                CAST(:did_since AS timestamptz[])) AS p(resident, model, shown_since, did_since)
    JOIN impressions i ON i.resident = p.resident AND i.model = p.model AND i.time >= p.shown_since
        AND i.time >= p.did_since AND i.time >= :began AND i.time < :until
    CROSS JOIN LATERAL (
        SELECT bool_or(j.type = 'open') AS opened, bool_or(j.type = 'save') AS saved,
               bool_or(j.type = 'register') AS registered
        FROM journal j
        WHERE j.resident = i.resident AND j.accepted >= p.did_since AND j.type IN ('open', 'save', 'register')
          AND j.time >= date_trunc('second', CAST(:began AS timestamptz)) AND j.time < :over
          AND j.time >= date_trunc('second', i.time) AND j.time < i.time + :window
          AND (j.suggestion = i.suggestion OR j.offer = ANY(i.offers))
    ) f
    GROUP BY p.resident, p.model
""")


class _Leave(NamedTuple):
    """From when on it may be read what somebody was shown, and what they did."""

    shown: datetime
    did: datetime


class TrialRecords:
    """Reads impressions and what followed (see `engine.trial_results.TrialRecords`).

    Parameters
    ----------
    lots
        Knows who is drawn.
    """

    def __init__(self, database: Database, lots: Lots) -> None:
        self._database = database
        self._lots = lots

    async def chunks(
        self, trial: Trial, until: datetime, clock: Callable[[], datetime], most: int = AT_ONCE
    ) -> AsyncIterator[Followed]:
        """Yield what came of answers before `until`, of residents who allow it when their chunk is read.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer: then nothing more is read.
        """
        after = ""
        while True:
            async with self._database.begin() as connection:
                await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                asked = list((await connection.execute(_ASKED, {"after": after, "most": most})).scalars())
                leaves = _leaves(await words(connection, asked), clock())
                models = [trial.name if self._lots.drawn(trial, resident) else trial.against for resident in leaves]
                found = await _followed(connection, trial, until, leaves, models)
            if not asked:
                return
            after = asked[-1]
            if len(found.shown):
                yield found


def _leaves(consents: Mapping[Pseudonym, Consents], now: datetime) -> dict[Pseudonym, _Leave]:
    """Return of whom it may be read at `now` what they were shown and did, and from which moment on."""
    found = {}
    for resident, its in consents.items():
        did = its.permit(Purpose.ACTIVITY, now)
        shown = [its.permit(purpose, now) for purpose in (Purpose.MEASUREMENT, Purpose.LEARNING)]
        since = [permit.since for permit in shown if isinstance(permit, Permit)]
        if isinstance(did, Permit) and since:
            found[resident] = _Leave(min(since), did.since)
    return found


async def _followed(
    connection: AsyncConnection,
    trial: Trial,
    until: datetime,
    leaves: Mapping[Pseudonym, _Leave],
    models: Sequence[str],
) -> Followed:
    values = {
        "residents": list(leaves),
        "models": models,
        "shown_since": [leave.shown for leave in leaves.values()],
        "did_since": [leave.did for leave in leaves.values()],
        "trial": trial.name,
        "began": trial.began,
        "until": until,
        "over": until + WINDOW,
        "window": WINDOW,
    }
    rows = (await connection.execute(_FOLLOWED, values)).all()
    table = np.array([tuple(row) for row in rows], np.float64).reshape(len(rows), 2 + KINDS)
    return Followed(table[:, 0] > 0, table[:, 1], table[:, 2:])
