"""The processes that are measured: started as an operator starts them, CPU and memory as the system counts them."""

import asyncio
import contextlib
import ctypes
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from api.embedded.guard import Guard
from engine.errors import VinkkiError

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""As in production: two workers must not fight over the cores."""
MEGABYTE = 1_000_000
_LIBC = ctypes.CDLL(None)


class ServerFailed(VinkkiError):
    """A server that was to be measured ended; its log says why."""

    code = "server_failed"


@dataclass
class Cpu:
    """CPU seconds, user and system, that a process used within a `Server.cpu` block."""

    seconds: float = 0.0


class Server:
    """One running process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._seen = psutil.Process(process.pid)
        self._log = log

    @contextmanager
    def cpu(self) -> Iterator[Cpu]:
        """Measure the CPU time of the process, all its threads, within the block."""
        used, before = Cpu(), self._used()
        yield used
        used.seconds = self._used() - before

    def memory_megabytes(self) -> float:
        """Return the resident memory."""
        return self._seen.memory_info().rss / MEGABYTE

    async def until(self, ready: Callable[[], bool], seconds: float = 120.0) -> None:
        """Wait for `ready`.

        Raises
        ------
        ServerFailed
            The process ended, or it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.returncode is not None or time.monotonic() > deadline:
                raise ServerFailed(f"It was not ready after {seconds:.0f} s. Its log ends: {self._last_words()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop the process in its own order."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _used(self) -> float:
        try:
            if hasattr(_LIBC, "clock_getcpuclockid"):
                return _clock(self._seen.pid)
            times = self._seen.cpu_times()  # exact where there are no such clocks, as on macOS
        except (OSError, psutil.NoSuchProcess) as error:
            raise ServerFailed(f"It has ended. Its log ends: {self._last_words()}") from error
        return times.user + times.system

    def _last_words(self) -> str:
        return " / ".join(self._log.read_text("utf-8", "replace").strip().splitlines()[-3:])


@asynccontextmanager
async def running(module: Sequence[str], environment: Mapping[str, str], log: Path) -> AsyncIterator[Server]:
    """Run ``python -m MODULE ...``, and stop it at the end of the block; should we be killed, it is stopped too."""
    guard = Guard()
    try:
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *module,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **ONE_THREAD, **environment},
                start_new_session=True,
            )
        guard.watch(process.pid)
        server = Server(process, log)
        try:
            yield server
        finally:
            await server.stop()
    finally:
        guard.close()


def _clock(pid: int) -> float:
    """Return the CPU seconds of a process by its own clock (POSIX.1-2008): /proc tells them in ticks of 10 ms.

    Raises
    ------
    OSError
        There is no such process.
    """
    clock = ctypes.c_int()
    failed = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if failed:
        raise OSError(failed, os.strerror(failed))
    return time.clock_gettime(clock.value)
