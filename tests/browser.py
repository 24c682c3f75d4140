"""Finds a Chromium for the browser tests: one that is there, else Playwright's own, else the distribution's package."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
FLAGS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_SECONDS = 300

Run = Callable[[Sequence[str]], bool]


class NoBrowser(RuntimeError):
    """There is no Chromium and none could be had; install one (`apt-get install chromium`) and run the tests again."""


def found(playwrights: Path) -> Path | None:
    """Return the Chromium that is there; `playwrights` is where Playwright keeps its own."""
    on_path = next((where for name in NAMES if (where := shutil.which(name))), None)
    if on_path:
        return Path(on_path)
    return next((path for path in (playwrights, *MACOS) if path.exists()), None)


def tried(command: Sequence[str]) -> bool:
    """Run a command and say whether it did its work."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def get(playwrights: Path, say: Callable[[str], None] = print, run: Run = tried) -> Path:
    """Return a Chromium, getting one where there is none, and say so."""
    if (there := found(playwrights)) is not None:
        return there
    say("No Chromium on this machine: getting Playwright's own (some 170 MB) ...")
    if run([sys.executable, "-m", "playwright", "install", "chromium"]) and (there := found(playwrights)):
        return there
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    say("That did not work: getting the distribution's package with apt-get ...")
    run([*root, "apt-get", "update"])
    install = [*root, "apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    if run(install) and (there := found(playwrights)):
        return there
    raise NoBrowser(NoBrowser.__doc__)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Give a running Chromium, and stop it at the end."""
    async with async_playwright() as playwright:
        path = await asyncio.to_thread(get, Path(playwright.chromium.executable_path))
        # The sandbox needs a user of its own; a container's root has none.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=[*FLAGS, *sandbox])
        try:
            yield browser
        finally:
            await browser.close()
