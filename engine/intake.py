"""What one incoming event changes: check, dedupe, fold, journal; and what a withdrawal undoes.

Everything here may be repeated: Kafka delivers at least once. The journal in SQL decides whether an event is new. Where
all of a resident's events were new, they are folded into the taste as it is; where any was not, or the taste is
missing, it is made anew from the journal, since a crash may have come between the two.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from engine.consent import Consents, Permit, Purpose, Refusal, declared
from engine.errors import StoreUnavailable
from engine.events import ConsentChange, Impression, Interaction, InteractionBatch, OfferChange, Pseudonym, Refused
from engine.folding import Observation, Share, fold_many
from engine.online import Online
from engine.records.journal import JournalRecords, Row
from engine.records.ledger import LedgerRecords
from engine.records.offers import OfferRecords
from engine.records.residents import ResidentRecords
from engine.sealed import Sealed
from engine.subjects import Subject, Subjects
from engine.taste import LOCATED_FAMILIES, Taste
from engine.telemetry import DUPLICATES, FOLDED, REFUSED, WITHOUT_PERMIT, tell_waiting

Refuse = Callable[[Sequence[Refused]], Awaitable[None]]
Known = Mapping[str, Subject]
_EARLY_LIMIT = timedelta(hours=1)
_TRAVEL_LIMIT = timedelta(days=8)
"""How old an accepted event may be when it comes here: Kafka keeps it 7 days, and drops whole segments."""
_TRIES = 32


def _in_silence(_done: int, _of: int) -> None:
    """Say nothing of progress."""


class Intake:
    """Takes in what the stream brings. One instance a worker; any number of workers.

    Parameters
    ----------
    online, journal, ledger, residents, offers
        The stores.
    refuse
        Where events go that cannot be used, with the reason.
    late_limit
        Interactions that were older when they were accepted are refused.
    """

    def __init__(  # noqa: PLR0913 - the stores are what it is made of
        self,
        *,
        online: Online,
        journal: JournalRecords,
        ledger: LedgerRecords,
        residents: ResidentRecords,
        offers: OfferRecords,
        refuse: Refuse,
        late_limit: timedelta = timedelta(days=7),
    ) -> None:
        self._online = online
        self._journal = journal
        self._ledger = ledger
        self._residents = residents
        self._offers = offers
        self._refuse = refuse
        self._late_limit = late_limit
        self._subjects = Subjects(offers)

    async def interactions(self, batches: Sequence[InteractionBatch], now: datetime) -> None:
        """Take in what residents did: path 1 of the house."""
        known = await self._subjects.of({event.offer for batch in batches for event in batch.events}, now)
        usable, refused = self._sort(batches, known, now)
        sealed = await self._sealed({batch.resident for batch, _ in usable})
        permits = self._permits(sealed, now)
        await self._count_visits([its for its in usable if not _paused(sealed[its[0].resident], now)], known, now)
        rows = [
            _row(batch, event)
            for batch, events in usable
            if (permit := permits.get(batch.resident)) and batch.accepted >= permit.since
            for event in events
            if event.time >= _second(permit.since)
        ]
        if rows:
            await self._remember(rows, known, sealed, permits, now)
        await self._tell(refused)

    async def offers(self, changes: Sequence[OfferChange], now: datetime) -> None:
        """Take in what sources tell of offers."""
        self._subjects.forget(await self._offers.write(changes, now))

    async def impressions(self, shown: Sequence[Impression]) -> None:
        """Keep what was shown, for residents who allow it."""
        await self._journal.impressions(shown)

    async def consents_changed(self, changes: Sequence[ConsentChange], now: datetime) -> None:
        """Do what withdrawals order, and bring the online state in line with the ledger."""
        residents = list({change.resident for change in changes})
        await self.rebuild(residents, now)
        for resident in residents:
            await self._ledger.forget(now, now, resident)

    async def sweep(self, now: datetime, after: timedelta = timedelta(seconds=2)) -> None:
        """Complete forgettings whose nudge was lost or interrupted."""
        for resident in await self._ledger.overdue(now - after):
            # First, since only what is not yet forgotten comes here again; it reads nothing of what is to be.
            await self.rebuild([resident], now)
            await self._ledger.forget(now - after, now, resident)
        tell_waiting(*await self._ledger.waiting(), now)

    async def keep_house(self, now: datetime) -> None:
        """Make room for the months ahead, and drop what is older than promised."""
        await self._journal.ensure_partitions(now)
        # An id that old can no longer come back: whatever its client sends again, and however long Kafka keeps that.
        await self._journal.sweep(now - self._late_limit - _EARLY_LIMIT - _TRAVEL_LIMIT, now)

    async def refresh_popularity(self, now: datetime) -> None:
        """Recompute popularity from the journal."""
        await self._journal.refresh_popularity(now, declared().least[Purpose.ACTIVITY])

    async def refill(self, now: datetime, said: Callable[[int, int], None] = _in_silence) -> bool:
        """Restore the online state from SQL if Redis was emptied; say whether it was."""
        if await self._online.filled():
            return False
        await self.rebuild_all(now, said)
        return True

    async def rebuild_all(self, now: datetime, said: Callable[[int, int], None] = _in_silence) -> None:
        """Restore everybody's online state from SQL. `said` hears how many residents of how many are done."""
        run = await self._online.begin_filling()
        batches = await self._ledger.everyone()
        total, done = sum(map(len, batches)), 0
        for batch in batches:
            await self.rebuild(batch, now)
            done += len(batch)
            said(done, total)
        await self._online.end_filling(run)

    async def rebuild(self, residents: Sequence[Pseudonym], now: datetime, *, replace: bool = False) -> None:
        """Make the online state of `residents` anew: consents from the ledger, taste from the journal, interests.

        A pause does not matter: the copy is kept complete meanwhile, and no use gets a permit to open it.

        Parameters
        ----------
        replace
            Interests that are held online may be older than those in SQL, and are replaced.

        Raises
        ------
        StoreUnavailable
            A store is away, or somebody's state changes faster than it is made.
        """
        left = list(residents)
        for _ in range(_TRIES):
            if not left:
                return
            consents = await self._ledger.consents_of(left)
            await self._online.enforce_many(consents.values())
            sealed = {s.resident: s for s in await self._online.sealed_many(left)}
            permits = self._permits(sealed, now, anew=True)
            events = await self._journal.of(list(permits), now)
            known = await self._subjects.of({event.offer for its in events.values() for event in its}, now)
            tastes = _folded({r: _share(Taste(), events[r], known, sealed[r], now) for r in permits})
            await self._restore_interests(consents, now, replace=replace)
            left = await self._swap(tastes, permits, sealed)
        raise StoreUnavailable("The online state keeps changing; repeat in a moment.")

    async def _remember(
        self,
        accepted: Sequence[Row],
        known: Known,
        sealed: dict[Pseudonym, Sealed],
        permits: dict[Pseudonym, Permit],
        now: datetime,
    ) -> None:
        rows = list({(row.resident, row.id): row for row in reversed(accepted)}.values())
        fresh = await self._journal.write(rows)
        FOLDED.inc(len(fresh))
        DUPLICATES.inc(len(accepted) - len(fresh))
        did: dict[Pseudonym, list[Row]] = defaultdict(list)
        for row in rows:
            did[row.resident].append(row)
        shares, doubtful = {}, []
        for resident, its in did.items():
            held = sealed[resident].taste(permits[resident])
            if held is None or any((row.resident, row.id) not in fresh for row in its):
                doubtful.append(resident)
            else:
                events = [Interaction(r.id, r.offer, r.type, r.time, r.value) for r in its]
                shares[resident] = _share(held, events, known, sealed[resident], now)
        doubtful += await self._swap(_folded(shares), permits, sealed)
        await self.rebuild(doubtful, now)

    async def _swap(
        self, tastes: dict[Pseudonym, Taste], permits: dict[Pseudonym, Permit], sealed: dict[Pseudonym, Sealed]
    ) -> list[Pseudonym]:
        """Write tastes; return the residents whose state had changed since it was read."""
        done = await self._online.swap([(permits[r], sealed[r], taste) for r, taste in tastes.items()])
        return [resident for resident, ok in zip(tastes, done, strict=True) if not ok]

    async def _restore_interests(
        self, consents: dict[Pseudonym, Consents], now: datetime, *, replace: bool = False
    ) -> None:
        """Hold what residents told. What changes in SQL while it is put online is put there once more."""
        left = await self._residents.told(list(consents))
        while left:
            held = {}
            for resident, told in left.items():
                permit = consents[resident].resumed().permit(Purpose.INTERESTS, now)
                if isinstance(permit, Permit) and await self._online.put_interests(permit, told, anew=not replace):
                    held[resident] = told
            latest = await self._residents.told(list(held)) if held else {}
            left, replace = {r: told for r, told in latest.items() if told != held[r]}, True

    def _sort(
        self, batches: Sequence[InteractionBatch], known: Known, now: datetime
    ) -> tuple[list[tuple[InteractionBatch, list[Interaction]]], list[Refused]]:
        """Tell what can be used from what cannot, and why."""
        refused: list[Refused] = []
        usable = []
        for batch in batches:
            kept = []
            for event in batch.events:
                if (fault := self._fault(batch, event, known, now)) is None:
                    kept.append(event)
                else:
                    refused.append(Refused("interactions", fault[0], fault[1], now, payload=event.id))
            if kept:
                usable.append((batch, kept))
        return usable, refused

    async def _tell(self, refused: Sequence[Refused]) -> None:
        # Last of all: what is tried again because a store failed is not told twice.
        if refused:
            await self._refuse(refused)
            for refusal in refused:
                REFUSED.labels("stream", refusal.code).inc()

    def _fault(
        self, batch: InteractionBatch, event: Interaction, known: Known, now: datetime
    ) -> tuple[str, str] | None:
        if batch.purpose != Purpose.ACTIVITY:
            return "wrong_purpose", "It may not be used to learn from what the resident does."
        if event.time < batch.accepted - self._late_limit or batch.accepted < now - _TRAVEL_LIMIT:
            return "too_old", f"It happened more than {self._late_limit.days} days before it was sent, or was held up."
        if event.time > batch.accepted + _EARLY_LIMIT:
            return "in_future", "It has not happened yet."
        if event.offer not in known:
            return "unknown_offer", "No offer has that id."
        return None

    async def _sealed(self, residents: set[Pseudonym]) -> dict[Pseudonym, Sealed]:
        """Read the residents' state; where Redis holds no consents, the ledger's answer is put there first."""
        sealed = {s.resident: s for s in await self._online.sealed_many(list(residents))}
        if unknown := [resident for resident, s in sealed.items() if s.consents is None]:
            await self._online.enforce_many((await self._ledger.consents_of(unknown)).values())
            sealed |= {s.resident: s for s in await self._online.sealed_many(unknown)}
        return sealed

    def _permits(
        self, sealed: dict[Pseudonym, Sealed], now: datetime, *, anew: bool = False
    ) -> dict[Pseudonym, Permit]:
        permits = {}
        for resident, its in sealed.items():
            answer = _ask(its, Purpose.ACTIVITY, now, anew=anew)
            if isinstance(answer, Permit):
                permits[resident] = answer
            elif not anew:
                WITHOUT_PERMIT.labels(answer.purpose, answer.reason).inc()
        return permits

    async def _count_visits(
        self,
        usable: Sequence[tuple[InteractionBatch, list[Interaction]]],
        known: Known,
        now: datetime,
    ) -> None:
        """Count different people per place and day, whoever they are: no name is kept, and none can be looked up."""
        visits: dict[str, set[Pseudonym]] = defaultdict(set)
        for batch, events in usable:
            for event in events:
                if (place := known[event.offer].place) is not None:
                    visits[place].add(batch.resident)
        if visits:
            await self._online.visit(visits, now.date())


def _share(taste: Taste, events: Iterable[Interaction], known: Known, sealed: Sealed, now: datetime) -> Share:
    leave = _ask(sealed, Purpose.LOCATION, now, anew=True)
    # Places from before the leave teach nothing, like events from before the consent.
    placed_from = _second(leave.since) if isinstance(leave, Permit) else None
    seen = []
    for event in events:
        if found := known.get(event.offer):
            early = placed_from is not None and event.time < placed_from
            names = _without_places(found.features) if early else found.features
            seen.append(Observation(event, found.kind, names))
    return Share(taste, seen, located=placed_from is not None)


@lru_cache(maxsize=1 << 14)
def _without_places(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.partition(":")[0] not in LOCATED_FAMILIES)


def _folded(shares: dict[Pseudonym, Share]) -> dict[Pseudonym, Taste]:
    return dict(zip(shares, fold_many(list(shares.values())), strict=True))


def _row(batch: InteractionBatch, e: Interaction) -> Row:
    return Row(batch.resident, e.id, e.offer, e.type, e.time, batch.accepted, e.value, e.suggestion, e.context)


def _ask(sealed: Sealed, purpose: Purpose, now: datetime, *, anew: bool) -> Permit | Refusal:
    """Ask for a permit; to make a state `anew`, or as a part of doing so, a pause does not matter."""
    if sealed.consents is None:
        return Refusal(purpose, "unreadable")
    return (sealed.consents.resumed() if anew else sealed.consents).permit(purpose, now)


def _paused(sealed: Sealed, now: datetime) -> bool:
    return sealed.consents is None or sealed.consents.paused_until(now) is not None


def _second(time: datetime) -> datetime:
    """Return the whole second: many clients tell no more of when something happened."""
    return time.replace(microsecond=0)
