"""Keeps this process's steering in step with what staff set through any process, within moments."""

from api.feed import Feed
from engine.records.database import Database
from engine.records.rules import CHANNEL, RuleRecords
from engine.rules import Floor, Rule
from engine.steering import CitySteering


class SteeringFeed:
    """Follows rules and floors of exposure.

    Parameters
    ----------
    steering
        What is kept in step.
    database, rules, floors
        Where changes are heard of and read from.
    """

    def __init__(
        self, steering: CitySteering, database: Database, rules: RuleRecords[Rule], floors: RuleRecords[Floor]
    ) -> None:
        self._steering = steering
        self._rules = rules
        self._floors = floors
        self._newest = -1
        self._feed = Feed("rules", database, [CHANNEL], self._hear)

    async def open(self) -> None:
        """Read everything once, then follow in the background."""
        await self._read()
        self._feed.start()

    async def close(self) -> None:
        """Stop following."""
        await self._feed.close()

    async def _hear(self, _: str, __: str) -> None:
        await self._read()

    async def _read(self) -> None:
        # What is written after the number was read is told of by a later one.
        if (newest := await self._rules.newest()) != self._newest:
            self._steering.rules([its.content for its in await self._rules.in_force()])
            self._steering.floors({its.id: its.content for its in await self._floors.in_force()})
            self._newest = newest
