"""`vinkki audit`: whether what the house has promised about consents can be seen to hold."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from joserfc.jwk import KeySet

from api.checkpoints import Checkpoints
from api.commands.parts import parts, say
from api.leaks import Leaks, Search
from api.seal import RECEIPT, Forged, Seal, opened, read_keys
from api.wiring import base
from campaigns import audit as trail
from campaigns.records.trail import TrailRecords
from engine.chain import Verdict, verify
from engine.errors import InvalidInput
from engine.leaks import Finder
from engine.online import Online
from engine.receipts import Receipt
from engine.records.chain import ChainRecords
from engine.records.database import Database
from engine.records.leaks import LeakRecords
from engine.records.ledger import LedgerRecords
from engine.records.residents import ResidentRecords
from engine.settings import Settings


def run_verify(settings: Settings) -> None:
    """Check the chains of the ledger and of the desk's trail; exit with 1 at the first entry that does not hold."""
    with parts(settings) as found:
        verdicts = asyncio.run(_verify(found))
    for name, verdict in verdicts.items():
        if verdict.fault is not None:
            sys.exit(f"vinkki: the {name} does not hold at entry {verdict.fault.seq}: {verdict.fault.detail}.")
        say(f"The {name} holds: {verdict.entries:,} entries, the newest is {verdict.head.hash.hex()}")


def run_receipt(settings: Settings, file: Path, key: Path | None) -> None:
    """Check the receipts in a file, without network; exit with 1 where one does not hold.

    Raises
    ------
    InvalidInput, Misconfigured
        The file holds no receipt, or there is no key to check with.
    Forged
        A receipt was not signed by the house, or was changed.
    """
    keys = KeySet(list(read_keys(key or settings.receipt_key or settings.home / "receipts.json")))
    for signed, shown in found_in(file):
        content = opened(signed, keys, RECEIPT)
        if shown is not None and shown != json.loads(content):
            raise Forged("The receipt that is shown says something else than what was signed.")
        told = msgspec.json.decode(content, type=Receipt)
        event, purpose = told.consent_event, told.pii_processing.purposes[0].purpose
        say(f"The receipt holds: {purpose} {event.event_state} on {event.event_time:%Y-%m-%d at %H:%M:%S} UTC")


def found_in(file: Path) -> list[tuple[str, Any]]:
    """Return (JWS, what is shown beside it or None) of each receipt in a file.

    The file is a JWS, one item of `GET /v1/residents/{id}/receipts`, or that whole answer.

    Raises
    ------
    InvalidInput
        It is none of these.
    """
    try:
        text = file.read_text("utf-8").strip()
        value = json.loads(text) if text.startswith("{") else {"jws": text}
        found = [(str(item["jws"]), item.get("receipt")) for item in value.get("items", [value])]
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{file} holds no receipt.") from error
    if not found:
        raise InvalidInput(f"{file} holds no receipt.")
    return found


def run_leaks(settings: Settings, person: UUID | None, also: Sequence[Path], metrics: Sequence[str]) -> None:
    """Look for people where none may be; exit with 1 and say where, if somebody is found."""
    found = Leaks(say)
    with parts(settings) as reached:
        asyncio.run(_leaks(reached, person, also, [f"{base(reached)}/metrics", *metrics], found))
    if found.places:
        places = "\n".join(f"  {place}" for place in found.places)
        sys.exit(f"vinkki: somebody was found where nobody may be:\n{places}")
    say("Nobody was found where nobody may be.")


async def _leaks(
    settings: Settings, person: UUID | None, also: Sequence[Path], metrics: Sequence[str], found: Leaks
) -> None:
    database, online, now = Database(settings.database or "", 2), Online(settings.redis or ""), datetime.now(UTC)
    try:
        records, linked = LeakRecords(database), ResidentRecords(database)
        if person is None:
            finder = Finder(await records.people())
            strict = Finder(await records.people(), await records.pseudonyms())
        else:
            pseudonym = await linked.pseudonym(person)
            finder = Finder([person], digests=True)
            strict = Finder([person], [pseudonym] if pseudonym else [], digests=True)
        search = Search(finder, strict, found)
        await search.sql(records, now)
        await search.redis(online, LedgerRecords(database), now)
        search.files([settings.home, *also])
        await search.metrics(metrics)
        await search.topics(settings.kafka or "", now)
    finally:
        await online.close()
        await database.close()


async def _verify(settings: Settings) -> dict[str, Verdict]:
    database, seal = Database(settings.database or "", connections=1), Seal.of(settings)
    ledger, acts = Checkpoints(settings.home, seal), Checkpoints(settings.home, seal, "trail")
    try:
        async with ChainRecords(database).snapshot() as snapshot:
            verdicts = {"ledger": await verify(snapshot, ledger.read(), _progress)}
        async with TrailRecords(database).snapshot() as desk:
            verdicts["trail"] = await verify(desk, acts.read(), _progress, trail.digest)
    finally:
        await database.close()
    for points, verdict in zip((ledger, acts), verdicts.values(), strict=True):
        if verdict.fault is None:
            points.append(verdict.head, datetime.now(UTC))
    return verdicts


def _progress(done: int, of: int) -> None:
    say(f"{done:,} of {of:,} entries checked")
