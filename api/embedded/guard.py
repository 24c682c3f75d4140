"""Ends the servers when we die. A small process of its own holds a pipe from us; when the pipe breaks, it stops them.

The kernel's parent-death signal would not do: it is lost when PostgreSQL changes its user, it fires when the *thread*
that started a child ends, it cannot be an orderly stop, and macOS has none.
"""

import os
import select
import signal
import subprocess
import sys

import psutil

ORDERLY_SECONDS = 10.0
LOOK_SECONDS = 1.0


class Guard:
    """Our end of the pipe: tells the guard which processes must not outlive this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", __file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # the terminal's Ctrl-C is for us alone
            cwd="/",
        )

    def watch(self, pid: int, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        """Have process `pid` stopped with `stop_signal`, and killed after 10 s, should this process die first."""
        if self._process.stdin is not None and self._process.poll() is None:
            os.write(self._process.stdin.fileno(), f"{pid} {int(stop_signal)}\n".encode())  # one write, so whole lines

    def close(self) -> None:
        """End the guard. What is still running is stopped as if this process had died."""
        self._process.communicate()


def _parent_is_gone(parent: int) -> bool:
    return os.getppid() != parent  # the pipe may have been inherited by someone who lives on


def _remember(line: bytes, watched: dict[psutil.Process, signal.Signals]) -> None:
    pid, stop_signal = (int(word) for word in line.split())
    try:
        watched[psutil.Process(pid)] = signal.Signals(stop_signal)  # knows its start time, so a reused id is not it
    except psutil.NoSuchProcess:
        return


def _stop(watched: dict[psutil.Process, signal.Signals]) -> None:
    running = [process for process in watched if process.is_running()]
    for process in running:
        try:
            process.send_signal(watched[process])
        except psutil.Error:
            continue
    for process in psutil.wait_procs(running, timeout=ORDERLY_SECONDS)[1]:
        try:
            process.kill()
        except psutil.Error:
            continue


def main() -> None:
    """Read ``pid signal`` lines until the parent is gone, then stop every process named."""
    parent, watched, rest = int(sys.argv[1]), dict[psutil.Process, signal.Signals](), b""
    while not _parent_is_gone(parent):
        if not select.select([0], [], [], LOOK_SECONDS)[0]:
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _remember(line, watched)
    _stop(watched)


if __name__ == "__main__":
    main()
