"""The load: keep-alive connections that each send the next request when the last is answered, in a process of its own.

Bounded in requests and in time, and only against this machine. Run as ``python -m bench.load``, with a `Plan` in
msgpack on standard input and a `Result` on standard output.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httptools
import msgspec
import uvloop

HERE = "127.0.0.1"


class Plan(msgspec.Struct, frozen=True):
    """What to send: `requests` in turn, over and over, until `count` are answered or `seconds` are over.

    Attributes
    ----------
    rate
        Requests a second at most; 0 for as fast as answers come.
    """

    port: int
    requests: list[bytes]
    count: int
    connections: int = 16
    seconds: float = 60.0
    rate: float = 0.0


class Result(msgspec.Struct, frozen=True):
    """What came back: how many answers of each status, and in how many seconds; the latencies in seconds, sorted."""

    statuses: dict[int, int]
    seconds: float
    latencies: list[float]

    def all_were(self, status: int) -> int:
        """Return how many answers came.

        Raises
        ------
        RuntimeError
            There was none, or one of another status: a measurement of errors measures nothing.
        """
        if set(self.statuses) != {status}:
            raise RuntimeError(f"The answers should all have had status {status}; they were {self.statuses}.")
        return self.statuses[status]


def request(method: str, path: str, token: str | None = None, body: bytes = b"") -> bytes:
    """Return the bytes of one HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HERE}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """One connection, which sends the next request as soon as the last is answered."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.WriteTransport | None = None
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Take an answer (httptools calls it)."""
        self._run.take(self._parser.get_status_code(), time.perf_counter() - self._asked)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.leave(exc)

    def _send(self) -> None:
        if self._transport is None:
            return
        if (following := self._run.next()) is None:
            self._transport.close()
            return
        wait, data = following
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._write, self._transport, data)
        else:
            self._write(self._transport, data)

    def _write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        self._asked = time.perf_counter()
        transport.write(data)


class _Run:
    """What the connections share."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sent = 0
        self._open = plan.connections
        self._began = time.perf_counter()
        self._done = asyncio.get_running_loop().create_future()
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []

    def next(self) -> tuple[float, bytes] | None:
        """Return the next request and in how many seconds it is due, or None when it is enough."""
        plan, now = self._plan, time.perf_counter()
        if self._sent >= plan.count or now > self._began + plan.seconds:
            return None
        due = self._began + self._sent / plan.rate if plan.rate else now
        self._sent += 1
        return due - now, plan.requests[self._sent % len(plan.requests)]

    def take(self, status: int, seconds: float) -> None:
        self._statuses[status] += 1
        self._latencies.append(seconds)

    def leave(self, error: Exception | None) -> None:
        self._open -= 1
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(error)
        elif self._open == 0:
            self._done.set_result(None)

    async def __call__(self) -> Result:
        loop = asyncio.get_running_loop()
        for _ in range(self._plan.connections):
            await loop.create_connection(lambda: _Connection(self), HERE, self._plan.port)
        await asyncio.wait_for(self._done, self._plan.seconds + 10)
        return Result(dict(self._statuses), time.perf_counter() - self._began, sorted(self._latencies))


async def send(plan: Plan) -> Result:
    """Carry out a plan in a process of its own.

    Raises
    ------
    RuntimeError
        That process failed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await process.communicate(msgspec.msgpack.encode(plan))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"The load generator ended with {process.returncode}.")
    return msgspec.msgpack.decode(out, type=Result)


@asynccontextmanager
async def sending(plan: Plan) -> AsyncIterator[None]:
    """Send in the background of a block, and stop at its end.

    Raises
    ------
    RuntimeError
        It ended by itself before the block did: what was measured was measured without load.
    """
    load = asyncio.create_task(send(plan))
    try:
        yield
        if load.done():
            raise RuntimeError("The load ended too soon.")
    finally:
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)


async def _carry_out(plan: Plan) -> Result:
    return await _Run(plan)()


def main() -> None:
    """Read a plan, carry it out, and write what came of it."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    result = uvloop.run(_carry_out(plan))
    sys.stdout.buffer.write(msgspec.msgpack.encode(result))


if __name__ == "__main__":
    main()
