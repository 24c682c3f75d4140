"""Receipts: what a resident decided, signed, so that it can be shown to somebody else and checked without us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.gate import Gate
from api.operations import Answer, Operation, open_json, private_json
from api.seal import RECEIPT, Seal
from api.terms import Terms
from engine.consent import Terms as DecidedOn
from engine.events import Pseudonym
from engine.receipts import SCHEMA, Decided, Receipt, ReceiptRecords, opaque, receipt
from engine.residents import Residents
from engine.settings import Settings

TAG = "Consents"
KEYS_PATH = "/.well-known/vinkki-receipts.json"
KEYS_SECONDS = 3600


class SignedReceipt(msgspec.Struct, frozen=True):
    """A receipt, and the compact JWS whose payload it is; `purpose` may be `partner:` and the id of a partner."""

    id: str
    purpose: str
    granted: bool
    time: datetime
    receipt: Receipt
    jws: str


class Receipts(msgspec.Struct, frozen=True):
    """A resident's receipts, oldest first."""

    items: Sequence[SignedReceipt]


class PublicKeys(msgspec.Struct, frozen=True):
    """A JSON Web Key Set."""

    keys: Sequence[Mapping[str, Any]]


DESCRIPTION = f"""\
One receipt for each grant and withdrawal, in the fields of ISO/IEC TS 27560, signed with Ed25519. The public keys are
at `{KEYS_PATH}`; `vinkki audit receipt FILE` checks one without network. A receipt names neither the resident nor any
id by which two of them could be joined. That of a withdrawal says what was deleted, and when that was complete."""
EXAMPLE_KEY = {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "use": "sig", "kid": "K0iz…", "x": "zM7l…"}

_WORDS = {"fi": "…", "sv": "…", "en": "…"}
_PURPOSE = {
    "purpose": "activity",
    "lawful_basis": "consent",
    "pii_information": _WORDS,
    "retention_period": "P400D",
    "retention": _WORDS,
    "recipient_third_parties": _WORDS,
}
_NOTICE = {"version": 1, "title": {"en": "Learn from what I do"}, "text_sha256": "9f86d0…"}
_ID = "T3Jw2f6Yk1qXb0mN4sLr8A"
EXAMPLE = {
    "items": [
        {
            "id": _ID,
            "purpose": "activity",
            "granted": True,
            "time": "2026-11-22T16:00:00Z",
            "receipt": {
                "receipt_metadata": {"schema_version": SCHEMA, "receipt_id": _ID, "pii_principal_id": _ID},
                "pii_processing": {"privacy_notice": _NOTICE, "purposes": [_PURPOSE]},
                "party_identification": [{"party_name": "City of Helsinki", "party_role": "pii_controller"}],
                "consent_event": {
                    "event_time": "2026-11-22T16:00:00Z",
                    "event_state": "given",
                    "event_type": "explicit",
                },
            },
            "jws": "eyJhbGciOiJFZDI1NTE5Ii…",
        }
    ]
}


@dataclass(frozen=True, slots=True)
class ReceiptRoutes:
    """Tells receipts and the keys that they are checked with."""

    gate: Gate
    residents: Residents
    records: ReceiptRecords
    terms: Terms
    seal: Seal
    settings: Settings

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/residents/{id}/receipts",
                name="read_receipts",
                summary="Signed receipts of a resident's decisions",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Each decision's receipt", Receipts, EXAMPLE)},
                scope=Scope.CONSENTS_READ,
            ),
            Operation(
                method="GET",
                path=KEYS_PATH,
                name="read_receipt_keys",
                summary="Public keys of receipts",
                tag=TAG,
                handler=self.keys,
                answers={200: Answer("A JSON Web Key Set", PublicKeys, {"keys": [EXAMPLE_KEY]})},
            ),
        )

    async def keys(self, _: Request) -> Response:
        """Answer `GET /.well-known/vinkki-receipts.json`."""
        return open_json(PublicKeys(self.seal.jwks["keys"]), KEYS_SECONDS)

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/receipts`. Who is not known has decided nothing."""
        person = await self.gate.resident(request, Scope.CONSENTS_READ)
        resident = await self.residents.pseudonym(person)
        decisions = [] if resident is None else await self.records.decisions(resident)
        terms = await self.terms.of(decided.entry.purpose for decided in decisions)
        signed = [self._signed(resident or "", decided, terms[decided.entry.purpose]) for decided in decisions]
        return private_json(Receipts(signed))

    def _signed(self, resident: Pseudonym, decided: Decided, terms: DecidedOn) -> SignedReceipt:
        entry = decided.entry
        id_ = opaque(self.seal.secret, resident, entry.seq)
        made = receipt(decided, terms, id_, self.settings.controller)
        signed = self.seal.sign(msgspec.json.encode(made), RECEIPT)
        return SignedReceipt(id_, entry.purpose, entry.granted, entry.time, made, signed)
