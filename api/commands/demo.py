"""`vinkki demo`: the whole house on one machine, on embedded parts, with something to see."""

import asyncio
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import httpx

from api import assets, wiring
from api.commands import demo_campaigns, simulate
from api.commands.importing import bring_sample
from api.commands.parts import addressed, check_port, note_running, parts, running, say
from api.commands.supervisor import Supervisor
from api.embedded.mailbox import Mailbox
from api.issuer import STAFF_GROUP
from api.routes.demo_mail import FOLDER, PATH
from engine import telemetry
from engine.errors import Misconfigured
from engine.settings import Settings, load


class Stopped(KeyboardInterrupt):
    """The person, or the system, asked us to stop."""


def run(home: Path, port: int, residents: int) -> None:
    """Start everything, tell where it is, and keep it until asked to stop."""
    telemetry.configure_logging(json=False, level="WARNING")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    settings = load(home=home.absolute(), port=port)
    if running(settings):
        raise Misconfigured(f"A demo already runs on {home}; stop it first, or give another folder with --home.")
    check_port(settings)
    try:
        assets.bring(say=say)
        with parts(settings) as found:
            _keep(found, residents)
    except Stopped:
        say("Stopped. Everything is kept for the next start.")


def _keep(settings: Settings, residents: int) -> None:
    mailbox = Mailbox(settings.home / FOLDER)
    supervisor = Supervisor(settings.home / "logs", _environment(settings, mailbox), say)
    try:
        mailbox.start()
        say("Preparing the database and the topics")
        asyncio.run(_prepare(settings))
        supervisor.start("work")
        supervisor.start("serve")
        note_running(settings.home, settings)
        asyncio.run(bring_sample(settings, datetime.now(UTC), say))
        if residents:
            asyncio.run(simulate.first_day(settings, residents, seed=1))
        say("Waiting for the API to answer")
        supervisor.wait_until(lambda: _ready(settings), "The API")
        _tell(settings)
        # What it makes can be waited for; a stop does not wait for it, and the next start goes on.
        if residents:
            threading.Thread(target=demo_campaigns.run, args=(settings, say), daemon=True).start()
        while True:
            supervisor.look()
            threading.Event().wait(0.5)
    finally:
        # A second Ctrl-C must not leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("Stopping the API, the worker and the parts")
        supervisor.stop()
        mailbox.stop()


async def _prepare(settings: Settings) -> None:
    stores = wiring.connect(settings)
    try:
        await wiring.prepare(settings, stores, wiring.utc_now())
    finally:
        await stores.close()


def _environment(settings: Settings, mailbox: Mailbox) -> dict[str, str]:
    if not addressed(settings):
        raise Misconfigured("A part has no address.")
    names = ("home", "host", "port", "kafka", "database", "redis")
    found = {f"VINKKI_{name.upper()}": str(getattr(settings, name)) for name in names}
    # Made-up residents get their mail here, whatever server is set, and at any hour: somebody wants to see it.
    calm = {"VINKKI_QUIET_FROM": "0", "VINKKI_QUIET_UNTIL": "0"}
    staff = {"VINKKI_ADMINISTRATORS": settings.administrators or STAFF_GROUP}
    return {**found, **calm, **staff, "VINKKI_MAIL": mailbox.address}


def _ready(settings: Settings) -> bool:
    try:
        return httpx.get(f"{wiring.base(settings)}/readiness", timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _tell(settings: Settings) -> None:
    base = wiring.base(settings)
    say(f"\n  reference app  {base}/app\n  API docs       {base}/docs\n  health         {base}/readiness")
    say(f"  an infoscreen  {base}/naytto/sample:caisa\n  mail           {base}{PATH}")
    say(f"  metrics        {base}/metrics")
    say(f"  logs           {settings.home / 'logs'}\n\nStop with Ctrl-C.\nready {base}")


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
