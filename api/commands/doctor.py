"""`vinkki doctor`: what is wrong, and what to do."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from api import wiring
from api.commands.parts import addressed, running
from api.outgoing import couriers
from engine.errors import Misconfigured, VinkkiError
from engine.records.database import without_secret
from engine.settings import Settings
from stream.watchdog import LagReader

_LEAST_DISK_MB = 2_000
_MOST_LAG = 10_000
_MOST_SKEW_SECONDS = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do if not."""

    what: str
    well: bool
    seen: str
    remedy: str = ""


def run(settings: Settings, *, as_json: bool) -> None:
    """Look at everything and print it; exit with 1 if something is wrong."""
    findings = [_disk(settings), _mail(settings), *asyncio.run(_parts(settings))]
    well = all(finding.well for finding in findings)
    if as_json:
        print(json.dumps({"well": well, "findings": [asdict(f) for f in findings]}, indent=1))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.well else 'BAD'}  {finding.what:12}  {finding.seen}")
            if not finding.well:
                print(f"     {'':12}  -> {finding.remedy}")
    sys.exit(0 if well else 1)


async def _parts(settings: Settings) -> list[Finding]:
    found = settings if addressed(settings) else running(settings)
    if found is None:
        remedy = "Start `vinkki demo`, or set VINKKI_KAFKA, VINKKI_DATABASE and VINKKI_REDIS."
        return [
            Finding("parts", well=False, seen=f"no address is set and no demo runs on {settings.home}", remedy=remedy)
        ]
    try:
        stores = wiring.connect(found)
    except Misconfigured as error:
        return [Finding("settings", well=False, seen=error.detail, remedy="Correct the variable that is named.")]
    lag = LagReader(found.kafka or "")
    try:
        return [
            Finding("settings", well=True, seen=f"{found.environment}, home {found.home}"),
            await _look("database", _address(found.database), lambda: _answers(stores), "Start PostgreSQL."),
            await _look("clock", "", lambda: _clock(stores), "Synchronise it and the database's, by NTP."),
            await _look("redis", _address(found.redis), stores.online.ping, "Start Redis or Valkey."),
            await _look("kafka", found.kafka or "", stores.publisher.ping, "Start Kafka."),
            await _look("lag", "", lambda: _lag(lag), "Start (another) `vinkki work`, and read its log."),
        ]
    finally:
        await lag.close()
        await stores.close()


async def _look(what: str, seen: str, ask: Callable[[], Awaitable[str | None]], remedy: str) -> Finding:
    try:
        more = await ask()
    except VinkkiError as error:
        return Finding(what, well=False, seen=f"{seen} {error.detail}".strip(), remedy=remedy)
    return Finding(what, well=True, seen=" ".join(filter(None, (seen, more))))


async def _answers(stores: wiring.Stores) -> None:
    await stores.database.clock()


async def _clock(stores: wiring.Stores) -> str:
    """Compare our clock with the database's, which a grant's moment may come from on another machine."""
    skew = abs(await stores.database.clock() - time.time())
    if skew > _MOST_SKEW_SECONDS:
        raise VinkkiError(f"differs from the database's by {skew:.1f} s.")
    return f"within {skew * 1000:.0f} ms of the database's"


async def _lag(reader: LagReader) -> str:
    lag = await reader.lag()
    if (worst := max(lag.values(), default=0)) > _MOST_LAG:
        raise VinkkiError(f"{worst:,} messages wait on a topic.")
    return ", ".join(f"{topic} {messages}" for topic, messages in sorted(lag.items())) or "no topics yet"


def _disk(settings: Settings) -> Finding:
    folder = next(p for p in (settings.home.absolute(), *settings.home.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free // 1_000_000
    remedy = f"Free some space where {settings.home} lies."
    return Finding("disk", well=free >= _LEAST_DISK_MB, seen=f"{free:,} MB free at {settings.home}", remedy=remedy)


def _mail(settings: Settings) -> Finding:
    """Tell whether codes can be sent; a house without a mail server is well, and takes no e-mail addresses."""
    if settings.mail is None:
        return Finding("mail", well=True, seen="no mail server is set (VINKKI_MAIL): no address can be confirmed")
    try:
        couriers(settings)
    except Misconfigured as error:
        return Finding("mail", well=False, seen=error.detail, remedy="Correct VINKKI_MAIL.")
    return Finding("mail", well=True, seen=_address(settings.mail))


def _address(url: str | None) -> str:
    return without_secret(url) if url else ""
