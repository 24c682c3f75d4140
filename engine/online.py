"""The online state in Redis. It can be emptied at any time: the ledger and the journal restore it.

=======================  ==========================================================  =========================
key                      value                                                       lives
=======================  ==========================================================  =========================
``c:<pseudonym>``        consents: `engine.flags`                                    until changed
``t:<pseudonym>``        taste: 8 bytes of version, 16 of grants, then packed        90 days after the last use
``i:<pseudonym>``        what the resident told: 8 bytes of grant, then msgpack      90 days after the last use
``v:<place>:<day>``      HyperLogLog of the day's visitors, hashed with a day's salt  3 days
``salt:<day>``           that salt                                                   1 day
``n:<name>``             what processes tell each other; nothing of a person         some minutes
``filling:/filled:<n>``  run of the Redis that the house is filling, or has filled   until emptied
=======================  ==========================================================  =========================

What is in a form of another version reads as missing, so that it is made anew. A Redis that was started again may
have come back with an old copy, and counts as emptied.

Personal values come out of Redis sealed (`Sealed`): one round trip fetches them with the consents, and only a `Permit`
given by those consents opens them. Each value says under which grants it was made (since when they held), and opens
under no other: what was learned before a withdrawal is not there for who consents anew.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from itertools import repeat
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine import flags
from engine.consent import Consents, Permit, Purpose
from engine.errors import ConsentRequired, Misconfigured, StoreUnavailable
from engine.events import Pseudonym
from engine.residents import Interests
from engine.sealed import Sealed, basis, moment, since
from engine.taste import Taste

FORM = 4
"""Of all values. Raise it with a change that older versions cannot read: the next worker then makes everything anew."""
_LIFE_SECONDS = 90 * 24 * 3600
_AT_ONCE = 200
"""How many tastes a script writes: some 200 kB, so that nobody else waits for Redis longer than a millisecond."""
_T = TypeVar("_T")

# Writes residents' tastes, each only if neither the consents nor the taste changed since they were read. One script for
# many, since a client's part in a call costs several times what Redis does in it.
_SWAP = """
local done = {}
for n = 1, #KEYS / 2 do
    local consents, taste, at = KEYS[2 * n - 1], KEYS[2 * n], 3 * n - 1
    done[n] = 0
    if redis.call('GETRANGE', consents, 0, 7) == ARGV[at] and redis.call('GETRANGE', taste, 0, 7) == ARGV[at + 1] then
        redis.call('SET', taste, ARGV[at + 2], 'EX', ARGV[1])
        done[n] = 1
    end
end
return done
"""
# Adds to each key as many visitors as the number before them says.
_VISIT = """
local at = 2
for _, key in ipairs(KEYS) do
    local visitors = tonumber(ARGV[at])
    redis.call('PFADD', key, unpack(ARGV, at + 1, at + visitors))
    redis.call('EXPIRE', key, ARGV[1])
    at = at + visitors + 1
end
"""
# A copy made from SQL does not replace what is there, unless it is to: it may have been told in the meantime.
_TELL = """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 2
"""
_HELD = 2
"""What `_TELL` answers where it has written."""

_encode = msgspec.msgpack.Encoder().encode


class Online:
    """Reads and writes the online state.

    Parameters
    ----------
    url
        ``redis://host:port/db``.
    """

    def __init__(self, url: str) -> None:
        # One attempt a call: whoever calls knows whether to answer without the store or to wait for it.
        once = Retry(NoBackoff(), 1)
        try:
            self._redis = Redis.from_url(
                url, socket_timeout=2, socket_connect_timeout=1, retry=once, max_connections=64
            )
        except ValueError:
            # Not even as a cause: it may hold a password.
            raise Misconfigured("VINKKI_REDIS is no address; it looks like redis://:secret@host:port/0.") from None
        self._enforce = self._redis.register_script(flags.ENFORCE)
        self._swap = self._redis.register_script(_SWAP)
        self._tell = self._redis.register_script(_TELL)
        self._visit = self._redis.register_script(_VISIT)
        self._waiting: list[tuple[Pseudonym, asyncio.Future[Sealed]]] = []
        self._fetching: asyncio.Task[None] | None = None

    async def sealed(self, resident: Pseudonym) -> Sealed:
        """Fetch one resident's state in one round trip, together with those that are asked for in the same moment.

        Raises
        ------
        StoreUnavailable
            Redis does not answer.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sealed] = loop.create_future()
        self._waiting.append((resident, answer))
        if self._fetching is None:
            # Whoever asks while Redis is at it comes with the next call: a busy process asks for many at once, which
            # spares most of the client's 50 us a call.
            self._fetching = loop.create_task(self._fetch())
        return await answer

    async def sealed_many(self, residents: Sequence[Pseudonym]) -> list[Sealed]:
        """Fetch the state of several residents in one round trip, in the order given."""
        if not residents:
            return []
        raw = await _answer(self._redis.mget([key for resident in residents for key in _keys(resident)]))
        return [Sealed(resident, raw[3 * n : 3 * n + 3]) for n, resident in enumerate(residents)]

    async def _fetch(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                found: Iterable[Sealed | Exception] = await self.sealed_many([resident for resident, _ in waiting])
            except Exception as error:  # noqa: BLE001 - whatever it is, who waits must hear of it
                found = repeat(error)
            for (_, answer), its in zip(waiting, found, strict=False):
                if answer.done():  # who asked has gone
                    continue
                if isinstance(its, Exception):
                    answer.set_exception(its)
                else:
                    answer.set_result(its)
        self._fetching = None

    async def consents(self, resident: Pseudonym) -> Consents | None:
        """Return the flags, or None where they are not held."""
        return flags.unpack(resident, cast("bytes | None", await _answer(self._redis.get(_keys(resident)[0]))))

    async def consents_many(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
        """Return the flags of those residents whose flags are held, in one round trip."""
        if not residents:
            return {}
        raw = cast("list[bytes | None]", await _answer(self._redis.mget([_keys(its)[0] for its in residents])))
        found = ((who, flags.unpack(who, packed)) for who, packed in zip(residents, raw, strict=True))
        return {who: consents for who, consents in found if consents is not None}

    async def enforce(self, consents: Consents) -> None:
        """Put consents in force for every process, and drop the state they no longer allow."""
        await self.enforce_many([consents])

    async def enforce_many(self, many: Iterable[Consents]) -> None:
        """Put the consents of several residents in force."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for consents in many:
                given = [flags.pack(consents), basis(consents), since(consents, Purpose.INTERESTS), flags.BORN_MARK]
                await self._enforce(keys=_keys(consents.resident), args=given, client=pipe)
            await _answer(pipe.execute())

    async def erase(self, resident: Pseudonym, seq: int, life: timedelta) -> None:
        """Drop everything of a resident, and let nothing from before ledger entry `seq` come back.

        For `life` it stays that nothing is allowed: that refuses events under way, and no late word replaces it.
        """
        kept, *state = _keys(resident)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(kept, flags.pack(Consents(resident, seq)), ex=life)
            pipe.delete(*state)
            await _answer(pipe.execute())

    async def drop(self, resident: Pseudonym) -> None:
        """Drop what is held of a resident but for the consents, until it is made anew."""
        await _answer(self._redis.delete(*_keys(resident)[1:]))

    async def swap(self, changes: Sequence[tuple[Permit, Sealed, Taste]]) -> list[bool]:
        """Write tastes; False for each resident whose consents or taste changed since `sealed` was read."""
        done: list[bool] = []
        for first in range(0, len(changes), _AT_ONCE):
            keys, args = list[str](), list[Any]([_LIFE_SECONDS])
            for permit, sealed, taste in changes[first : first + _AT_ONCE]:
                sealed.check(permit, Purpose.ACTIVITY)
                if sealed.consents is None:
                    raise ConsentRequired("A taste is written under the consents it was read with.")
                keys += _keys(sealed.resident)[:2]
                value = secrets.token_bytes(8) + basis(sealed.consents) + taste.pack()
                args += [sealed.consents.seq.to_bytes(8, "big"), sealed.version, value]
            done += map(bool, await _answer(cast("Awaitable[Any]", self._swap(keys=keys, args=args))))
        return done

    async def put_interests(self, permit: Permit, interests: Interests, *, anew: bool = False) -> bool:
        """Hold what the resident told, if the permit's grant still holds; say whether this is held now.

        Parameters
        ----------
        anew
            It comes from SQL, to be held only where nothing is.
        """
        keys, granted = _keys(permit.resident), moment(permit.since)
        while permit.purpose is Purpose.INTERESTS:
            consents = await self.consents(permit.resident)
            if consents is None or since(consents, Purpose.INTERESTS) != granted:
                return False
            seq, value = consents.seq.to_bytes(8, "big"), granted + _encode(interests)
            told = self._tell(keys=[keys[0], keys[2]], args=[seq, value, _LIFE_SECONDS, int(anew)])
            if done := await _answer(cast("Awaitable[Any]", told)):
                return bool(done == _HELD)
        return False

    async def visit(self, visits: Mapping[str, Collection[Pseudonym]], day: date) -> None:
        """Count each place's different visitors of a day.

        The HyperLogLog gets hashes with a salt that is gone after a day, so that nothing can be looked up in it later;
        adding the same visitor again changes nothing.
        """
        salt_key = f"salt:{day:%Y%m%d}"
        await _answer(self._redis.set(salt_key, secrets.token_bytes(16), nx=True, ex=24 * 3600))
        salt = cast("bytes", await _answer(self._redis.get(salt_key)))
        hashes: dict[Pseudonym, bytes] = {}
        args: list[Any] = [3 * 24 * 3600]
        for people in visits.values():
            for who in people:
                if who not in hashes:
                    hashes[who] = blake2b(who.encode(), key=salt, digest_size=16).digest()
            args += [len(people), *(hashes[who] for who in people)]
        visited = self._visit(keys=[f"v:{place}:{day:%Y%m%d}" for place in visits], args=args)
        await _answer(cast("Awaitable[Any]", visited))

    async def visitors(self, place: str, day: date) -> int:
        """Return how many different residents were at a place; tell it to anybody through `engine.counts` only."""
        return int(await _answer(self._redis.pfcount(f"v:{place}:{day:%Y%m%d}")))

    async def note(self, name: str, value: bytes, life: timedelta, *, anew: bool = False) -> bool:
        """Keep for a while what processes tell each other, which may not be of a person; say whether it is kept.

        Parameters
        ----------
        anew
            Only where nothing is kept by that name.
        """
        return bool(await _answer(self._redis.set(f"n:{name}", value, px=life, nx=anew)))

    async def noted(self, name: str) -> bytes | None:
        """Return what is kept by a name."""
        return cast("bytes | None", await _answer(self._redis.get(f"n:{name}")))

    async def unnote(self, name: str) -> None:
        """Keep it no longer."""
        await _answer(self._redis.delete(f"n:{name}"))

    async def everything(self, batch: int = 500) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        """Yield (key, value) of all that is held, in batches, as bytes; a value of several parts with lines between."""
        keys = list[bytes]()
        try:
            async for key in self._redis.scan_iter(count=batch):
                keys.append(key)
                if len(keys) == batch:
                    yield await self._dump(keys)
                    keys = []
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable("The online store does not answer; repeat in a moment.") from error
        if keys:
            yield await self._dump(keys)

    async def _dump(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        values = cast("list[bytes | None]", await _answer(self._redis.mget(keys)))
        held = [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]
        others = [key for key, value in zip(keys, values, strict=True) if value is None]
        return held + [(key, await self._parts(key)) for key in others]

    async def _parts(self, key: bytes) -> bytes:
        """Return the parts of a value that is no string: none of ours, but somebody may have put it there."""
        kind = cast("bytes", await _answer(self._redis.type(key))).decode()
        if kind not in _READING:
            return b""
        command, *rest = _READING[kind]
        asked = self._redis.execute_command(command, key, *rest)  # type: ignore[no-untyped-call]
        return b"\n".join(_flat(await _answer(asked)))

    async def filled(self) -> bool:
        """Say whether the house has filled this Redis: it was neither emptied nor started again since."""
        return bool(await _answer(self._redis.get(f"filled:{FORM}")) == await self._run())

    async def begin_filling(self) -> bytes:
        """Note that the state is being made, and return the run of Redis, for `end_filling`."""
        run = await self._run()
        await _answer(self._redis.set(f"filling:{FORM}", run))
        return run

    async def end_filling(self, run: bytes) -> None:
        """Note that the state is complete, unless Redis was emptied or started again while it was made."""
        if await _answer(self._redis.get(f"filling:{FORM}")) == run:
            await _answer(self._redis.set(f"filled:{FORM}", run))

    async def _run(self) -> bytes:
        return str(cast("dict[str, Any]", await _answer(self._redis.info("server")))["run_id"]).encode()

    async def ping(self) -> None:
        """Raise StoreUnavailable unless Redis answers."""
        await _answer(cast("Awaitable[Any]", self._redis.ping()))

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()


def _keys(resident: Pseudonym) -> list[str]:
    return [f"c:{resident}", f"t:{resident}", f"i:{resident}"]


_READING = {
    "hash": ("HGETALL",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
}
"""How each type of value that is no string is read in full."""


def _flat(value: Any) -> Iterator[bytes]:  # noqa: ANN401 - whatever Redis answers
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, Mapping):
        yield from (part for pair in value.items() for one in pair for part in _flat(one))
    elif isinstance(value, Iterable):
        yield from (part for one in value for part in _flat(one))


async def _answer(asked: Awaitable[_T]) -> _T:
    try:
        return await asked
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable("The online store does not answer; repeat in a moment.") from error
