"""What mail servers and the Notification service tell of messages after they took them: signed, or not taken in."""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.bodies import SMALL_BYTES
from api.errors import BodyTooLarge, Faults, Unauthenticated, UnsupportedBody
from api.faults import END, explain, malformed
from api.operations import Answer, Operation
from campaigns.channels.bounces import LARGEST_BYTES, Report, ReturnKind, read
from campaigns.returns import Returns
from engine.settings import Settings

_T = TypeVar("_T")
TAG = "Reports on messages"
HEADER = "X-Vinkki-Signature"
AGE_SECONDS = 300
MAIL = "message/rfc822"
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
SIGNED = f"""\
`{HEADER}: t=<seconds since 1970>,v1=<hex>`, where the latter is HMAC-SHA256, with the secret that was agreed on
(`VINKKI_WEBHOOK_SECRET`), of the time, a full stop and the body as it is sent; the time may be five minutes off.
What is told again changes nothing."""
DESCRIPTION = f"""\
Takes a delivery status notification (RFC 3464) or complaint (RFC 5965) whole, as `Content-Type: {MAIL}`: let
whatever receives `bounces+…@` send them on. Or one event as JSON. A mailbox that is gone, or a complaint, ends
messages to that address. {SIGNED}"""
SMS_DESCRIPTION = f"""\
In the form in which the Notification service hears of it; `id` is what it called the message. {SIGNED}"""


class MailEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event: what a mail is called is the part of its Message-ID before the `@`."""

    message: Annotated[str, msgspec.Meta(pattern="^[a-z2-7]{26}" + END)]
    kind: ReturnKind
    address: Annotated[str, msgspec.Meta(max_length=254, description="Where it had gone")] | None = None
    status: Annotated[str, msgspec.Meta(pattern=r"^[245]\.\d{1,3}\.\d{1,3}" + END)] | None = None


class SmsEvent(msgspec.Struct, frozen=True):
    """What became of a text message; other fields are passed over."""

    status: Literal["DELIVERED", "FAILED", "PENDING"]


@dataclass(frozen=True, slots=True)
class ReportRoutes:
    """Takes in reports."""

    returns: Returns
    settings: Settings
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be told here."""
        answers = {204: Answer("It is taken in")}
        return (
            Operation(
                method="POST",
                path="/v1/webhooks/mail",
                name="report_mail",
                summary="A mail came back, or its reader complains",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.mail,
                body=MailEvent,
                example={"message": "5j2h7dkq3xv6n4mzt2ywc3bqea", "kind": "gone", "address": "aino@post.example"},
                answers=answers,
                problems=(BodyTooLarge, UnsupportedBody, Unauthenticated),
            ),
            Operation(
                method="POST",
                path="/v1/webhooks/sms/{reference}",
                name="report_sms",
                summary="What became of a text message",
                description=SMS_DESCRIPTION,
                tag=TAG,
                handler=self.sms,
                body=SmsEvent,
                example={"status": "DELIVERED"},
                answers=answers,
                problems=(BodyTooLarge, UnsupportedBody, Unauthenticated),
            ),
        )

    async def mail(self, request: Request) -> Response:
        """Answer `POST /v1/webhooks/mail`."""
        whole = _declared(request) == MAIL
        raw = await self._signed(request, LARGEST_BYTES if whole else SMALL_BYTES)
        if whole:
            report = read(raw)
        elif _declared(request) == "application/json":
            event = _decode(raw, MailEvent)
            report = Report(event.message, event.kind, event.status or "", event.address)
        else:
            raise UnsupportedBody(f"Send JSON, or the whole mail with `Content-Type: {MAIL}`.", field="Content-Type")
        if report is not None:
            await self.returns.mail(report, self.clock())
        return Response(status_code=204)

    async def sms(self, request: Request) -> Response:
        """Answer `POST /v1/webhooks/sms/{reference}`."""
        raw = await self._signed(request, SMALL_BYTES)
        if _declared(request) != "application/json":
            raise UnsupportedBody(field="Content-Type")
        event = _decode(raw, SmsEvent)
        if event.status != "PENDING":
            await self.returns.sms(request.path_params["reference"], delivered=event.status == "DELIVERED")
        return Response(status_code=204)

    async def _signed(self, request: Request, limit_bytes: int) -> bytes:
        """Return the body, if who holds the secret has signed it a moment ago.

        Raises
        ------
        Unauthenticated
            Nobody has, or no secret is set.
        BodyTooLarge
            It is longer than `limit_bytes`.
        """
        found = _SIGNATURE.fullmatch(request.headers.get(HEADER, ""))
        secret = self.settings.webhook_secret
        if found is None or secret is None:
            raise Unauthenticated(f"Sign the report, in the header `{HEADER}`.", reason="unsigned")
        raw = b""
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > limit_bytes:
                raise BodyTooLarge(f"A report may have at most {limit_bytes:,} bytes.", field="body")
        if abs(self.clock().timestamp() - int(found[1])) > AGE_SECONDS:
            raise Unauthenticated("The signature is not of this moment; sign it anew.", reason="old_signature")
        if not hmac.compare_digest(found[2], sign(raw, int(found[1]), secret)):
            raise Unauthenticated("The signature does not hold for this body.", reason="signature")
        return raw


def sign(raw: bytes, second: int, secret: str) -> str:
    """Return the signature of a body at a second since 1970."""
    return hmac.digest(secret.encode(), b"%d." % second + raw, "sha256").hex()


def _declared(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _decode(raw: bytes, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError as error:
        raise Faults([explain(error, form).error()]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error
