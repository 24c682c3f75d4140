"""What consent costs: a check within a suggestion, an entry of the ledger, a withdrawal, and its forgetting."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
from sqlalchemy import text

from api import wiring
from bench.figures import Figure, Promise
from bench.freshness import percentile
from bench.ground import Ground, issuer
from bench.load import Plan, request, sending
from bench.people import Person
from engine import flags
from engine.consent import Consents, Permit, Purpose, declared

PERMIT = Promise(name="permit_cost", unit="us", bound=20, better="lower")
APPEND = Promise(name="ledger_append_p95", unit="ms", bound=10, better="lower")
WITHDRAWAL = Promise(name="withdrawal_p95", unit="ms", bound=50, better="lower")
FORGETTING = Promise(name="forgetting_p95", unit="s", bound=5, better="lower")
ASKED = (Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.LOCATION, Purpose.MEASUREMENT, Purpose.LEARNING)
"""What a suggestion asks leave for."""
WRITERS, WORDS_EACH = 20, 20
SUGGESTIONS_A_SECOND = 100
_CHECKS, _WITHDRAWALS, _FORGOTTEN = 20_000, 60, 20
_RESIDENTS, _MOST_SECONDS, _PAUSE_SECONDS = 200, 180, 0.01


async def permits(ground: Ground) -> list[Figure]:
    """Read flags as Redis holds them, and ask for every permit that a suggestion asks for; of nobody's own data."""
    now = wiring.utc_now()
    (someone,) = await ground.people(1)
    stores = await ground.stores()
    held = await stores.ledger.consents(someone.pseudonym)
    packed = flags.pack(held)
    runs = []
    for _ in range(ground.size.rounds):
        began = time.thread_time()
        for _ in range(_CHECKS):
            found = flags.unpack(someone.pseudonym, packed) or Consents(someone.pseudonym)
            leave = [found.permit(purpose, now) for purpose in ASKED]
        runs.append((time.thread_time() - began) / _CHECKS * 1e6)
        if not all(isinstance(one, Permit) for one in leave):
            raise RuntimeError("What was granted should all be allowed.")
    reference = f"{len(packed)} bytes of flags read, and {len(ASKED)} permits given, without the round trip to Redis"
    return [PERMIT.measured(runs, reference)]


async def appends(ground: Ground) -> list[Figure]:
    """Let writers say yes and no in turn, each waiting for its own word to be on disk."""
    stores, people = await ground.stores(), await ground.people(WRITERS)

    async def write(person: Person, times: list[float]) -> None:
        for turn in range(WORDS_EACH):
            began = time.perf_counter()
            await stores.ledger.append(
                person.pseudonym, Purpose.LEARNING, granted=bool(turn % 2), notice=1, time=wiring.utc_now()
            )
            times.append((time.perf_counter() - began) * 1e3)

    runs = []
    for _ in range(ground.size.rounds + 1):
        times = list[float]()
        await asyncio.gather(*(write(person, times) for person in people))
        runs.append(percentile(times, 95))
    ground.say(f"{APPEND.name}, rounds: {', '.join(f'{run:.1f}' for run in runs[1:])} ms")
    reference = f"{WRITERS} writers at once, each word on disk before the next; {WRITERS * WORDS_EACH} words a round"
    return [APPEND.measured(runs[1:], reference)]


async def withdrawals(ground: Ground) -> list[Figure]:
    """Withdraw `learning` over HTTP while others ask for suggestions."""
    async with _busy(ground) as people:
        runs = []
        for _ in range(ground.size.rounds):
            for person in people[:_WITHDRAWALS]:
                await person.say("learning", granted=True)
            times = [await _withdraw(person, "learning") for person in people[:_WITHDRAWALS]]
            runs.append(percentile(times, 95) * 1e3)
    ground.say(f"{WITHDRAWAL.name}, rounds: {', '.join(f'{run:.1f}' for run in runs)} ms")
    reference = f"from sending to the answer, under {SUGGESTIONS_A_SECOND} suggestions/s; {_WITHDRAWALS} a round"
    return [WITHDRAWAL.measured(runs, reference)]


async def forgettings(ground: Ground) -> list[Figure]:
    """Withdraw `activity` of residents with weeks of acts, and look until nothing of it is left anywhere."""
    runs = []
    async with ground.worker(), _busy(ground) as people:
        fresh = iter(people)
        for _ in range(ground.size.rounds):
            some = [next(fresh) for _ in range(min(_FORGOTTEN, len(people) // ground.size.rounds))]
            runs.append(percentile([await _forgotten(ground, one) for one in some], 95))
    ground.say(f"{FORGETTING.name}, rounds: {', '.join(f'{run:.2f}' for run in runs)} s")
    reference = (
        f"from sending the withdrawal until neither Redis nor journal, ids and impressions hold anything; "
        f"under {SUGGESTIONS_A_SECOND} suggestions/s; no messages wait for these residents"
    )
    return [FORGETTING.measured(runs, reference)]


class _Resident:
    """Somebody who decides over HTTP."""

    def __init__(self, client: httpx.AsyncClient, person: Person, token: str) -> None:
        self.person, self.token = person, token
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def say(self, purpose: str, *, granted: bool) -> None:
        """Say a word."""
        word = {"granted": granted, "notice": declared().declaration(purpose).notice.version}
        answer = await self._client.put(f"/v1/residents/me/consents/{purpose}", json=word, headers=self._headers)
        answer.raise_for_status()


@contextlib.asynccontextmanager
async def _busy(ground: Ground) -> AsyncIterator[list[_Resident]]:
    """Give residents, while others ask for suggestions all the time."""
    acting = await ground.active(min(_RESIDENTS, ground.size.residents))
    _, settings = await ground.api()
    demo, now = issuer(settings), wiring.utc_now()
    asking = [request("GET", "/v1/residents/me/suggestions", demo.resident(uuid4(), now)) for _ in range(50)]
    asking += [request("GET", "/v1/residents/me/suggestions", demo.resident(one.id, now)) for one in acting[::2]]
    count = SUGGESTIONS_A_SECOND * _MOST_SECONDS
    load = Plan(settings.port, asking, count, 8, _MOST_SECONDS, SUGGESTIONS_A_SECOND)
    async with sending(load), httpx.AsyncClient(base_url=wiring.base(settings), timeout=10) as client:
        yield [_Resident(client, one, demo.resident(one.id, now)) for one in acting]


async def _withdraw(who: _Resident, purpose: str) -> float:
    began = time.perf_counter()
    await who.say(purpose, granted=False)
    return time.perf_counter() - began


_LEFT = text("""
    SELECT EXISTS (SELECT FROM journal WHERE resident = :who) OR EXISTS (SELECT FROM journal_ids WHERE resident = :who)
        OR EXISTS (SELECT FROM impressions WHERE resident = :who)
""")


async def _forgotten(ground: Ground, who: _Resident) -> float:
    """Return the seconds until nothing is left of what a withdrawal of `activity` ends."""
    stores = await ground.stores()
    for purpose in ("measurement", "learning"):
        await who.say(purpose, granted=False)
    began = time.perf_counter()
    await _withdraw(who, "activity")
    while time.perf_counter() - began < _MOST_SECONDS:
        (sealed,) = await stores.online.sealed_many([who.person.pseudonym])
        async with stores.database.begin() as connection:
            left = (await connection.execute(_LEFT, {"who": who.person.pseudonym})).scalar_one()
        if not left and not sealed.version:
            return time.perf_counter() - began
        await asyncio.sleep(_PAUSE_SECONDS)
    raise RuntimeError("A withdrawal was still not complete after minutes.")
