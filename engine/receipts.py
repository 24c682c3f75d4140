"""A resident's receipt of a decision, in the fields of ISO/IEC TS 27560: what was decided, on which words, by whom.

A receipt is a pure function of the ledger's entry and of the register, so the same decision gives the same receipt. It
names neither person nor pseudonym: its id is a keyed hash, which leads the house, and nobody else, to the entry.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import msgspec

from engine.consent import Basis, Entry, Notice, Terms
from engine.events import Pseudonym
from engine.language import Localized

SCHEMA = "ISO/IEC TS 27560:2023"


class Metadata(msgspec.Struct, frozen=True):
    """Which receipt this is. The principal is known by this receipt's own id only, so that no two can be joined."""

    schema_version: str
    receipt_id: str
    pii_principal_id: str


class PrivacyNotice(msgspec.Struct, frozen=True):
    """The words that were decided on: `text_sha256` is of the texts in JSON, in the order fi, sv, en."""

    version: int
    title: Localized
    text_sha256: str | None


class PurposeOf(msgspec.Struct, frozen=True):
    """What the data is used for, and how."""

    purpose: str
    lawful_basis: Basis
    pii_information: Localized
    retention_period: str | None
    retention: Localized
    recipient_third_parties: Localized


class Processing(msgspec.Struct, frozen=True):
    """The notice and the purpose."""

    privacy_notice: PrivacyNotice
    purposes: tuple[PurposeOf, ...]


class Party(msgspec.Struct, frozen=True):
    """Who answers for the data."""

    party_name: str
    party_role: str = "pii_controller"


class Event(msgspec.Struct, frozen=True):
    """What the resident decided, and when: `event_state` is `given` or `withdrawn`."""

    event_time: datetime
    event_state: str
    event_type: str = "explicit"


class Forgotten(msgspec.Struct, frozen=True):
    """What a withdrawal had deleted, and when that was complete; null while it is not."""

    what: Localized
    completed: datetime | None


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole receipt; `deletion` is of a withdrawal alone."""

    receipt_metadata: Metadata
    pii_processing: Processing
    party_identification: tuple[Party, ...]
    consent_event: Event
    deletion: Forgotten | None = None


class Decided(msgspec.Struct, frozen=True):
    """An entry of the ledger, and when the forgetting that it ordered was complete."""

    entry: Entry
    forgotten: datetime | None = None


class ReceiptRecords(Protocol):
    """Where decisions are read from (`engine.records.receipts`)."""

    async def decisions(self, resident: Pseudonym) -> Sequence[Decided]:
        """Return a resident's decisions, oldest first."""


def receipt(decided: Decided, terms: Terms, id_: str, controller: str) -> Receipt:
    """Return the receipt of a decision.

    Parameters
    ----------
    decided
        The decision.
    terms
        What was decided on: a purpose's declaration, or a partner's terms.
    id_
        See `opaque`.
    controller
        Who answers for the data.
    """
    entry = decided.entry
    notice = terms.wording(entry.notice) or terms.notice
    known = notice.version == entry.notice
    return Receipt(
        Metadata(SCHEMA, id_, id_),
        Processing(
            PrivacyNotice(entry.notice, notice.title, text_hash(notice) if known else None),
            (_purpose(entry.purpose, terms),),
        ),
        (Party(controller),),
        Event(entry.time, "given" if entry.granted else "withdrawn"),
        None if entry.granted else Forgotten(terms.forgotten, decided.forgotten),
    )


def text_hash(notice: Notice) -> str:
    """Return the SHA-256, in hexadecimal, of a notice's texts as compact JSON."""
    return sha256(msgspec.json.encode(notice.text)).hexdigest()


def opaque(secret: bytes, resident: Pseudonym, seq: int) -> str:
    """Return a receipt's id: 22 URL-safe characters that tell nothing without `secret`."""
    digest = hmac.digest(secret, f"receipt:{resident}:{seq}".encode(), "sha256")
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _purpose(purpose: str, terms: Terms) -> PurposeOf:
    return PurposeOf(purpose, terms.basis, terms.data, terms.retention, terms.kept, terms.recipients)
