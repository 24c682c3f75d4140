"""A scene of residents in every state that a worker may find, and what it holds afterwards, whoever they are."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import text

from engine.consent import Permit, Purpose
from engine.events import ConsentChange, Impression, Interaction, InteractionBatch, InteractionType, OfferChange
from engine.intake import Intake
from engine.offers import Keyword, encode
from engine.residents import Interests
from tests.integration.forgetting import House, weighed
from tests.integration.scissors import Scissors

ROLES = {
    "keen": "has acted, told interests, and allows places",
    "evicted": "has acted, but Redis has dropped the taste",
    "unknown": "has acted and told interests, but Redis has dropped everything",
    "new": "has just consented",
    "silent": "has never consented",
    "gone": "has acted and withdrawn",
    "unheard": "has acted and withdrawn, but whoever recorded that died before it was in force",
    "again": "has acted, withdrawn, and consented anew",
}
"""Who is in a scene, and what they have done before it."""
_TELLING = ("keen", "unknown", "unheard")
_ACTED = ("keen", "evicted", "unknown", "gone", "unheard", "again")
_TABLES = {
    "journal": "SELECT id, offer, type, value, accepted FROM journal WHERE resident = :resident",
    "ids": "SELECT id FROM journal_ids WHERE resident = :resident",
    "shown": "SELECT suggestion FROM impressions WHERE resident = :resident",
    "told": "SELECT content::text FROM interests WHERE resident = :resident",
    "due": "SELECT purpose FROM forgettings WHERE resident = :resident AND done IS NULL",
}


class Scene:
    """The residents of one run; each run has its own."""

    def __init__(self, house: House) -> None:
        self.house, self.emptied = house, False
        self.who: dict[str, str] = {}

    def at(self, seconds: float) -> datetime:
        """Return a moment of the scene."""
        return self.house.start + timedelta(seconds=seconds)

    def worker(self, scissors: Scissors) -> Intake:
        """Return a worker that has just begun, under the scissors."""
        its, over = self.house.stores, scissors.over
        return Intake(
            online=over(its.online),
            journal=over(its.journal),
            ledger=over(its.ledger),
            residents=over(its.residents),
            offers=over(its.offers),
            refuse=scissors.around("refuse", self.house._refuse),
        )

    async def set(self) -> None:
        """Bring the residents to where the scene begins."""
        await self.house.empty()
        await self.house.stores.offers.write(self._offers_before(), self.at(0))
        await asyncio.gather(*map(self._enter, ROLES))
        await self._tell_apart()
        worker = self.worker(Scissors(None, Exception))
        await worker.interactions([self._acts(role, 2, "old", "test:1", "test:2") for role in _ACTED], self.at(3))
        await worker.impressions([self._shows(role, "before", 3) for role in _ACTED])
        await self._part()

    async def _tell_apart(self) -> None:
        """Draw the salt of visitors so that nobody counts for two: in a HyperLogLog two may look the same by chance."""
        redis, days = self.house.stores.online._redis, [(self.at(0) + timedelta(days=n)).date() for n in (-1, 0, 1)]
        while True:
            salt = token_bytes(16)
            await redis.delete("apart")
            await redis.pfadd(
                "apart", *(blake2b(w.encode(), key=salt, digest_size=16).digest() for w in self.who.values())
            )
            if await redis.pfcount("apart") == len(self.who):
                break
        await redis.delete("apart")
        for day in days:
            await redis.set(f"salt:{day:%Y%m%d}", salt, ex=3600)

    async def _enter(self, role: str) -> None:
        self.who[role] = await self.house.residents.enrol(uuid4())
        if role == "silent":
            return
        allowed = [Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.MEASUREMENT, *[Purpose.LOCATION] * (role == "keen")]
        await asyncio.gather(*(self._decide(role, purpose, granted=True, seconds=0) for purpose in allowed))
        if role in _TELLING:
            permit = await self.house.ledger.permit(self.who[role], Purpose.INTERESTS, self.at(1))
            assert isinstance(permit, Permit)
            await self.house.residents.tell(permit, Interests(keywords=("yso:p7",)), self.at(1))

    async def _part(self) -> None:
        online = self.house.stores.online
        await online._redis.delete(f"t:{self.who['evicted']}")
        await online._redis.delete(*(f"{kind}:{self.who['unknown']}" for kind in "cti"))
        for role in ("gone", "again"):
            await self._decide(role, Purpose.ACTIVITY, granted=False, seconds=5)
        await self.house.stores.ledger.append(
            self.who["unheard"], Purpose.ACTIVITY, granted=False, notice=1, time=self.at(5)
        )
        await self._decide("again", Purpose.ACTIVITY, granted=True, seconds=6)

    async def all_withdraw(self, seconds: float) -> None:
        """Let everybody withdraw `activity`."""
        words = (self._decide(role, Purpose.ACTIVITY, granted=False, seconds=seconds) for role in ROLES)
        await asyncio.gather(*words)

    @property
    def batches(self) -> Sequence[InteractionBatch]:
        """What everybody does: one of it twice, one a second time, and one that nobody can use."""
        acts = [self._acts(role, 10, "fresh", "test:3", "test:4") for role in ROLES]
        return [*acts, acts[0], self._acts("keen", 11, "old", "test:1"), self._acts("keen", 11, "lost", "nowhere:1")]

    @property
    def nudges(self) -> Sequence[ConsentChange]:
        """What tells of the withdrawals, and of more than there were."""
        return [ConsentChange(who, Purpose.ACTIVITY, False, self.at(5)) for who in self.who.values()]

    @property
    def shown(self) -> Sequence[Impression]:
        """What everybody was shown."""
        return [self._shows(role, "now", 10) for role in ROLES]

    @property
    def changes(self) -> Sequence[OfferChange]:
        """One offer changes, one comes, one goes, one is told again."""
        new = msgspec.structs.replace(self.house.offers["test:0"], id="test:new")
        return [
            self.house.change("test:1", keywords=(Keyword("yso:p99"),)),
            OfferChange(new.id, "test", self.at(0), msgspec.Raw(encode(new))),
            OfferChange("test:5", "test", self.at(0)),
            self.house.change("test:2"),
        ]

    async def state(self) -> dict[str, Any]:
        """Return what is held in SQL and Redis; also what a worker that goes on would learn from the offers."""
        held = dict(zip(self.who, await asyncio.gather(*map(self._held, self.who.values())), strict=True))
        day = self.at(20).date()
        visitors = [await self.house.stores.online.visitors(f"tprek:{n}", day) for n in range(3)]
        offers = await self.house.column("SELECT id || deleted || content FROM offers ORDER BY id")
        refused = sorted({(refusal.code, refusal.payload) for refusal in self.house.refused})
        return {**held, "visitors": visitors, "offers": offers, "refused": refused}

    async def _held(self, who: str) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        async with self.house.stores.database.begin() as connection:
            for name, query in _TABLES.items():
                found = await connection.execute(text(query), {"resident": who})
                rows[name] = sorted(tuple(row) for row in found)
        weights = weighed(await self.house.taste(who, self.at(30)), self.at(30))
        flags = await self.house.stores.online.consents(who)
        return {
            **rows,
            # What was folded as it came and what was made anew differ in the last digits.
            "taste": {feature: round(weight, 4) for feature, weight in sorted(weights.items())},
            "holds": await self.house.told(who, self.at(30)),
            "allows": flags and {purpose: grant.granted for purpose, grant in flags.grants.items()},
        }

    async def _decide(self, role: str, purpose: Purpose, *, granted: bool, seconds: float) -> None:
        version = self.house.ledger.register.declaration(purpose).notice.version
        await self.house.ledger.record(self.who[role], purpose, granted=granted, notice=version, now=self.at(seconds))

    def _acts(self, role: str, seconds: float, name: str, *offers: str) -> InteractionBatch:
        time = self.at(seconds)
        acts = [Interaction(f"{role}-{name}-{offer}", offer, InteractionType.SAVE, time) for offer in offers]
        return InteractionBatch(self.who[role], time, tuple(acts))

    def _shows(self, role: str, name: str, seconds: float) -> Impression:
        return Impression(f"{role}-{name}", self.who[role], self.at(seconds), "popular", ("test:1",))

    def _offers_before(self) -> list[OfferChange]:
        return [*map(self.house.change, self.house.offers), OfferChange("test:new", "test", self.at(0))]
