"""`vinkki audit`: whether what the house has promised about consents can be seen to hold."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from joserfc.jwk import KeySet

from api.checkpoints import Checkpoints
from api.commands.parts import parts, say
from api.seal import RECEIPT, Forged, Seal, opened, read_keys
from engine.chain import Verdict, verify
from engine.errors import InvalidInput
from engine.receipts import Receipt
from engine.records.chain import ChainRecords
from engine.records.database import Database
from engine.settings import Settings


def run_verify(settings: Settings) -> None:
    """Check the ledger's chain; exit with 1 at the first entry that does not hold."""
    with parts(settings) as found:
        verdict = asyncio.run(_verify(found))
    if verdict.fault is not None:
        sys.exit(f"vinkki: the ledger does not hold at entry {verdict.fault.seq}: {verdict.fault.detail}.")
    say(f"The ledger holds: {verdict.entries:,} entries, the newest is {verdict.head.hash.hex()}")


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


async def _verify(settings: Settings) -> Verdict:
    database, checkpoints = (
        Database(settings.database or "", connections=1),
        Checkpoints(settings.home, Seal.of(settings)),
    )
    try:
        async with ChainRecords(database).snapshot() as snapshot:
            verdict = await verify(snapshot, checkpoints.read(), _progress)
    finally:
        await database.close()
    if verdict.fault is None:
        checkpoints.append(verdict.head, datetime.now(UTC))
    return verdict


def _progress(done: int, of: int) -> None:
    say(f"{done:,} of {of:,} entries checked")
