"""What becomes of a notification: may we, now; is there room; is it night; by which way; say it; deliver; record.

For each resident of a batch, one decision by the consents of this moment. Then the deliveries are claimed in SQL, all
at once, and handed to their channel in handfuls: the statement that hands one out asks once more whether the run goes
on and the resident still allows it, and records the handful before. So a pause is in force within a handful; nothing
goes after the answer to a withdrawal; and whatever is killed when, a resident gets the message once at most (decisions
26 and 36).
"""

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import NamedTuple

from campaigns.caps import Caps
from campaigns.channels import Accepted, Channel, Note, Outcome, Refused
from campaigns.neighbours import Addresses, Deliveries, Leaves, Plans, Speech, Suppressions
from campaigns.quiet import SILENT, QuietHours
from campaigns.records.deliveries import Claim, Done
from campaigns.run import Plan, Standing
from engine.consent import Consents, Permit, Purpose, declared
from engine.errors import NotFound
from engine.events import Notification, Pseudonym
from engine.telemetry import DELIVERIES, WITHOUT_PERMIT, logger

HANDFUL = 32
"""How many are with a channel at once: where a worker is killed, of no more is it unknown whether they went out."""
_HANDFUL_SECONDS = 0.5
"""How long a handful is with a channel, about: of a slower one it is smaller."""
_FIRST_HANDFUL = 4
"""Of a channel that one knows nothing of yet; the next is twice as large at most."""
_AHEAD = 2
"""How many messages of the topic are dealt with at once: one is with the channels, and one is decided on."""
MOST_TRIES = 8
_BACK_OFF = timedelta(minutes=1)
_LONGEST = timedelta(hours=6)
_SLOWEST_HANDFUL_SECONDS = 300.0
"""Over one connection, each answer at the last moment."""
_ADDRESSED = frozenset({"email", "sms", "push"})
log = logger("campaigns")


class Dispatcher:
    """Decides on notifications and has them delivered. One a worker.

    Parameters
    ----------
    leaves, plans, deliveries, addresses, suppressions, speech
        What it asks.
    channels
        The ways that there are, by name.
    secret
        The house's own: Message-IDs are made of it, so that nobody can tell whose they are.
    caps, quiet
        The city's limits and the night.
    """

    def __init__(  # noqa: PLR0913 - what it asks
        self,
        *,
        leaves: Leaves,
        plans: Plans,
        deliveries: Deliveries,
        addresses: Addresses,
        suppressions: Suppressions,
        speech: Speech,
        channels: Mapping[str, Channel],
        secret: bytes,
        clock: Callable[[], datetime],
        caps: Caps | None = None,
        quiet: QuietHours | None = None,
        handful: int = HANDFUL,
    ) -> None:
        self._leaves = leaves
        self._plans = plans
        self._deliveries = deliveries
        self._addresses = addresses
        self._suppressions = suppressions
        self._speech = speech
        self._channels = channels
        self._key = hashlib.blake2b(secret, key=b"vinkki messages", digest_size=32).digest()
        self._clock = clock
        self._caps = caps or Caps()
        self._quiet = quiet or QuietHours()
        self._handful = handful
        self._sizes: dict[str, int] = {}
        self._known: dict[str, Plan] = {}
        self._unrecorded: Sequence[Done] = []
        self._untold: tuple[str, Sequence[Pseudonym]] | None = None
        # Of one worker, one at a time: so what is claimed and not handed out is nobody else's who is still at it.
        self._alone = asyncio.Lock()
        # With the channels are the handfuls of one message, while the next is decided on and claimed.
        self._handing = asyncio.Lock()
        self._moved = monotonic()

    async def take(self, some: Sequence[Notification], now: datetime) -> None:
        """Deal with notifications: when this returns, each is sent, waits in SQL, or is left out for a reason.

        Safe to repeat. The urgent go first.

        Raises
        ------
        NotFound
            There is no run of that name.
        Unavailable
            A store is away: repeat all of it.
        """
        async with self._alone:
            await self._record("", ())
            plans = [(await self._plan(its.run), its) for its in some]
            ordered = sorted(plans, key=lambda pair: (pair[0].priority, pair[0].planned))
            # Ahead of one another only among equals: what is more urgent has its places of the week first.
            for _, equals in groupby(ordered, key=lambda pair: pair[0].priority):
                await self._deal_with(list(equals), now)

    async def take_up(self, now: datetime) -> int:
        """Deal with what has waited long enough; return how many that were."""
        async with self._alone:
            await self._record("", ())
            due = await self._deliveries.due(now)
            for run, residents in due.items():
                unable = await self._speak(await self._plan(run), residents, now)
                for reason in {*unable.values()}:
                    its = [resident for resident, why in unable.items() if why == reason]
                    await self._deliveries.skip(run, its, reason, now)
        return sum(map(len, due.values()))

    def getting_on(self) -> bool:
        """Say whether it is at something, and has handed out a handful of it not long ago: a provider may be slow."""
        return self._alone.locked() and monotonic() - self._moved < _SLOWEST_HANDFUL_SECONDS

    async def close(self) -> None:
        """Disconnect every channel."""
        for channel in self._channels.values():
            await channel.close()

    async def _deal_with(self, some: Sequence[tuple[Plan, Notification]], now: datetime) -> None:
        """Deal with notifications, with the next while one is with its channel."""
        few = asyncio.Semaphore(_AHEAD)
        try:
            async with asyncio.TaskGroup() as tasks:
                for plan, its in some:
                    tasks.create_task(self._deal(plan, its, now, few))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _deal(self, plan: Plan, its: Notification, now: datetime, few: asyncio.Semaphore) -> None:
        """Deal with one notification; its handfuls go when those of the one before have gone."""
        async with few:
            if await self._plans.standing(plan.id) in (Standing.CANCELLED, Standing.FINISHED):
                unable = dict.fromkeys(its.residents, "cancelled")
            else:
                unable = await self._speak(plan, its.residents, now)
            await self._plans.handled(plan.id, its.number, len(its.residents), Counter(unable.values()))

    async def _plan(self, run: str) -> Plan:
        if (plan := self._known.get(run)) is None:
            if (plan := await self._plans.plan(run)) is None:
                raise NotFound("There is no run of that name.")
            if len(self._known) > 100:  # noqa: PLR2004 - more than are ever under way at once
                self._known.clear()
            self._known[run] = plan
        return plan

    async def _speak(self, plan: Plan, residents: Sequence[Pseudonym], now: datetime) -> dict[Pseudonym, str]:
        """Speak to as many as one may and can; return why the others are left out."""
        consents = await self._leaves.consents_many(residents)
        permits, unable = self._permits(plan, consents, residents, now)
        asked = ((who, consents[who].permit(Purpose.MEASUREMENT, now)) for who in permits)
        measured = frozenset(who for who, answer in asked if isinstance(answer, Permit))
        for channel in plan.channels:
            if channel not in self._channels:
                continue
            able = {who: its[channel] for who, its in permits.items() if channel in its}
            addressed = await self._addressed(channel, able, unable)
            if not addressed:
                continue
            full = await self._by(plan, channel, {who: able[who] for who in addressed}, addressed, measured, now)
            unable.update(dict.fromkeys(full, "capped"))
            for who in addressed.keys() - set(full):
                permits.pop(who)
                unable.pop(who, None)
        return unable

    def _permits(
        self, plan: Plan, consents: Mapping[Pseudonym, Consents], residents: Iterable[Pseudonym], now: datetime
    ) -> tuple[dict[Pseudonym, dict[str, Permit]], dict[Pseudonym, str]]:
        """Return what each resident allows, by channel; and of whom allows nothing, why."""
        found: dict[Pseudonym, dict[str, Permit]] = {}
        unable: dict[Pseudonym, str] = {}
        purposes = [(channel, Purpose(f"marketing_{plan.topic}_{channel}")) for channel in plan.channels]
        also = [Purpose(purpose) for purpose in plan.also]
        asked = [*(purpose for _, purpose in purposes), *also]
        for resident in residents:
            its = consents.get(resident)
            if its is None:
                unable[resident] = "never_granted"
                continue
            # Whoever has said anything on these messages since the run began hears no more of it: so nobody whose
            # delivery was forgotten with a withdrawal gets it again (decision 26).
            if any((word := its.grants.get(purpose)) and word.since > plan.planned for purpose in asked):
                unable[resident] = "decided_since"
                continue
            if not all(isinstance(its.permit(purpose, now), Permit) for purpose in also):
                unable[resident] = "withdrawn"
                continue
            answers = [(channel, its.permit(purpose, now)) for channel, purpose in purposes]
            allowed = {channel: answer for channel, answer in answers if isinstance(answer, Permit)}
            if allowed:
                found[resident], unable[resident] = allowed, "no_address"
                continue
            refusal = answers[0][1]
            unable[resident] = getattr(refusal, "reason", "never_granted")
            WITHOUT_PERMIT.labels(purposes[0][1], unable[resident]).inc()
        return found, unable

    async def _addressed(
        self, channel: str, able: Mapping[Pseudonym, Permit], unable: dict[Pseudonym, str]
    ) -> dict[Pseudonym, str]:
        """Return the addresses of those who have one that nothing speaks against."""
        if channel not in _ADDRESSED or not able:
            return {who: who for who in able}
        found = await self._addresses.confirmed_many(list(able.values()), channel)
        addresses = {who: address for who, address in zip(able, found, strict=True) if address is not None}
        for who in await self._suppressions.among(channel, addresses) if addresses else ():
            del addresses[who]
            unable[who] = "suppressed"
        return addresses

    async def _by(  # noqa: PLR0913 - what is known by then
        self,
        plan: Plan,
        channel: str,
        permits: Mapping[Pseudonym, Permit],
        addresses: Mapping[Pseudonym, str],
        measured: frozenset[Pseudonym],
        now: datetime,
    ) -> Sequence[Pseudonym]:
        """Claim and deliver by one channel; return those for whom this week has no room."""
        due = None if channel in SILENT else self._quiet.until(now)
        messages = {who: self._message(plan.id, who) for who in permits}
        way = _Way(plan, channel, permits, addresses, messages, measured)
        room = self._caps.room(channel, plan.priority)
        claims = await self._deliveries.claim(plan, channel, way.purpose, messages, room, now, due)
        mine = [claim for claim in claims.mine if not claim.waits]
        DELIVERIES.labels(channel, "deferred").inc(len(claims.mine) - len(mine))
        if mine:
            tongues = await self._speech.languages(plan, [permits[claim.resident] for claim in mine])
            spoken = {claim.resident: tongue for claim, tongue in zip(mine, tongues, strict=True)}
            async with self._handing:
                await self._hand_out(way, mine, spoken)
        return claims.full

    async def _hand_out(self, way: "_Way", claims: Sequence[Claim], spoken: Mapping[Pseudonym, str]) -> None:
        """Deliver what is claimed, a handful at a time."""
        kept: list[Pseudonym] = []
        first, size = 0, self._sizes.get(way.channel, _FIRST_HANDFUL)
        while some := claims[first : first + size]:
            # Rendered before it is asked whether it may be sent: nothing lies between that answer and the sending.
            notes = await self._notes(way, [claim.resident for claim in some], spoken)
            async with self._deliveries.handing([claim.resident for claim in some]):
                may = await self._record(way.plan.id, [claim.resident for claim in some])
                kept += [claim.resident for claim in some if claim.resident not in may]
                self._moved = monotonic()
                await self._deliver(way, [claim for claim in some if claim.resident in may], notes)
            # No longer with a slow provider than those may be kept waiting who withdraw or pause meanwhile.
            took = max(monotonic() - self._moved, 1e-6)
            bearable = int(len(some) * _HANDFUL_SECONDS / took)
            first, size = first + size, max(1, min(self._handful, 2 * len(some), bearable))
            self._sizes[way.channel] = size
        await self._record(way.plan.id, ())
        if kept:
            await self._deliveries.release(way.plan.id, kept, self._clock())

    async def _record(self, run: str, following: Sequence[Pseudonym]) -> set[Pseudonym]:
        """Record what is not recorded, and return who of those that follow may be sent to at this moment."""
        if self._untold is not None:
            # Whether they were handed out was not told, so nobody got them: they are claimed as before.
            await self._deliveries.take_back(*self._untold)
            self._untold = None
        if not self._unrecorded and not following:
            return set()
        if following:
            self._untold = run, following
        may = await self._deliveries.turn(self._unrecorded, run, following, self._clock())
        self._unrecorded, self._untold = [], None
        return may

    async def _deliver(self, way: "_Way", claims: Sequence[Claim], notes: Mapping[Pseudonym, "Note | _Unsaid"]) -> None:
        """Deliver a handful. Who is stopped meanwhile first hears what became of it, and records it."""
        its = [notes[claim.resident] for claim in claims]
        some = [note for note in its if isinstance(note, Note)]
        sending = asyncio.ensure_future(self._channels[way.channel].deliver(some))
        stopped: asyncio.CancelledError | None = None
        while not sending.done():
            try:
                await asyncio.wait({sending})
            except asyncio.CancelledError as error:
                stopped = error
        told = iter(sending.result())
        outcomes = [next(told) if isinstance(note, Note) else note for note in its]
        pairs, now = list(zip(claims, outcomes, strict=True)), self._clock()
        self._unrecorded = [_done(way.plan.id, claim, outcome, now) for claim, outcome in pairs]
        for done in self._unrecorded:
            DELIVERIES.labels(way.channel, done.state).inc()
        if stopped is not None:
            await self._record(way.plan.id, ())
            raise stopped
        gone = {
            claim.resident: (way.addresses[claim.resident], outcome.reason)
            for claim, outcome in pairs
            if isinstance(outcome, Refused) and outcome.for_good
        }
        if gone:
            await self._suppressions.add(way.channel, gone, now)

    async def _notes(
        self, way: "_Way", residents: Sequence[Pseudonym], spoken: Mapping[Pseudonym, str]
    ) -> Mapping[Pseudonym, "Note | _Unsaid"]:
        """Return what is said to each, or why nothing is."""
        notes: dict[Pseudonym, Note | _Unsaid] = {}
        plan, now = way.plan, self._clock()
        for language in dict.fromkeys(spoken[who] for who in residents):
            its = [who for who in residents if spoken[who] == language]
            form = await self._speech.form(plan, language, way.channel)
            picks = await self._speech.picks(plan, [way.permits[who] for who in its], language)
            why = _why(way.purpose, language)
            for number, who in enumerate(its):
                own = () if picks is None else picks[number]
                if own is None:
                    notes[who] = _Unsaid("skipped", "nothing_to_pick")
                    continue
                stop = self._speech.stop(who, plan, way.channel, now, language)
                try:
                    rendered = form.fill(stop=stop, why=why, picks=own)
                except Exception:  # a template may raise anything, and one resident must not cost the others
                    log.exception("message cannot be filled in", run=plan.id, channel=way.channel)
                    notes[who] = _Unsaid("failed", "unrenderable")
                else:
                    if who in way.measured:
                        rendered = self._speech.measured(rendered, way.messages[who])
                    to = way.addresses[who]
                    notes[who] = Note(way.messages[who], to, rendered, stop, plan.topic, language, way.purpose)
        return notes

    def _message(self, run: str, resident: Pseudonym) -> str:
        """Return what a Message-ID is made of: 26 letters and digits, the same for one run and resident."""
        digest = hashlib.blake2b(f"{run}\0{resident}".encode(), key=self._key, digest_size=16).digest()
        return base64.b32encode(digest).decode()[:26].lower()


@dataclass(frozen=True, slots=True)
class _Way:
    """One channel of one plan, and what is known of those who are spoken to by it."""

    plan: Plan
    channel: str
    permits: Mapping[Pseudonym, Permit]
    addresses: Mapping[Pseudonym, str]
    messages: Mapping[Pseudonym, str]
    measured: frozenset[Pseudonym]

    @property
    def purpose(self) -> str:
        """The leave that it takes."""
        return f"marketing_{self.plan.topic}_{self.channel}"


class _Unsaid(NamedTuple):
    """Why a resident is told nothing: what that makes of the delivery, and the reason."""

    state: str
    reason: str


def _done(run: str, claim: Claim, outcome: Outcome | _Unsaid, now: datetime) -> Done:
    if isinstance(outcome, _Unsaid):
        return Done(run, claim.resident, outcome.state, outcome.reason, tries=1)
    if isinstance(outcome, Accepted):
        return Done(run, claim.resident, "sent", reference=outcome.reference, tries=1)
    if isinstance(outcome, Refused):
        return Done(run, claim.resident, "failed", outcome.reason, tries=1)
    if claim.tries + 1 >= MOST_TRIES:
        return Done(run, claim.resident, "failed", f"gave_up_{outcome.reason}", tries=1)
    wait = max(timedelta(seconds=outcome.retry_after), min(_BACK_OFF * 2**claim.tries, _LONGEST))
    return Done(run, claim.resident, "deferred", outcome.reason, now + wait, tries=1)


def _why(purpose: str, language: str) -> str:
    """Return for what leave the message comes, in words: such as "New courses: e-mail"."""
    title = declared().declaration(purpose).notice.title
    return getattr(title, language, None) or title.en or ""
