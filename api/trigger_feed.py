"""Wakes a worker when something happens that a campaign speaks of: the run is begun and on its way at once."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from api.feed import Feed
from campaigns.records.happenings import HappeningRecords
from campaigns.triggering import Triggering
from engine.errors import Unavailable
from engine.records.database import Database
from engine.records.happenings import CHANNEL
from engine.telemetry import logger
from stream.app import Chore

log = logger("api")
_PERIOD_SECONDS = 0.5
"""How often it is looked by the clock: delays run out, days begin, and campaigns start."""


class TriggerFeed:
    """Lets triggered campaigns speak, at once and by the clock.

    Parameters
    ----------
    database, happenings
        Where it is heard that something happens, and what is swept.
    triggering, expand
        What begins runs, and what puts them on their topic.
    warm_up
        Makes ready what knows whom audiences have: it takes seconds, and is wanted before something happens.
    """

    def __init__(  # noqa: PLR0913 - what it puts together
        self,
        database: Database,
        triggering: Triggering,
        happenings: HappeningRecords,
        expand: Callable[[], Awaitable[None]],
        warm_up: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._triggering = triggering
        self._happenings = happenings
        self._expand = expand
        self._warm_up = warm_up
        self._clock = clock
        self._feed = Feed("happenings", database, [CHANNEL], self._hear)
        self._following = False

    def chores(self) -> list[Chore]:
        """Return what is due again and again."""
        return [
            Chore("triggers", _PERIOD_SECONDS, self._look),
            Chore("old happenings", 3600.0, lambda: self._happenings.sweep(self._clock())),
        ]

    async def close(self) -> None:
        """Follow no more."""
        await self._feed.close()

    async def _look(self) -> None:
        running = await self._triggering.look(self._clock())
        if any(campaign.draft.audience is not None for campaign in running):
            self._warm_up()
        if running and not self._following:
            self._following = True
            self._feed.start()

    async def _hear(self, channel: str, _: str) -> None:
        if not channel:
            return  # the clock looks for what was missed, twice a second
        try:
            await self._look()
            await self._expand()
        except Unavailable as error:
            log.warning("not spoken of yet", why=error.detail)
