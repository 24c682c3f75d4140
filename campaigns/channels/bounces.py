"""What comes back: delivery status notifications (RFC 3464) and complaints (RFC 5965), read from whole mails.

A mail is found again by its Message-ID or by the address it came back to (``bounces+<id>@…``). Which address it had
gone to is read from its own headers, since a server that passes mail on may name another; it is kept as a digest alone.
"""

import re
from email import message_from_bytes, policy
from email.message import Message
from enum import StrEnum

import msgspec

_ID = re.compile(r"\b([a-z2-7]{26})@")
_STATUS = re.compile(r"^\s*([245])\.(\d{1,3})\.(\d{1,3})")
LARGEST_BYTES = 1 << 20
_OURS = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")


class ReturnKind(StrEnum):
    """What a report says."""

    GONE = "gone"
    """The mailbox is not there: nothing more is to be sent to it."""
    FAILED = "failed"
    """This mail was not delivered, for a reason that may pass."""
    DELAYED = "delayed"
    """It is still being tried."""
    COMPLAINT = "complaint"
    """Its reader calls it unwanted."""


class Report(msgspec.Struct, frozen=True):
    """A mail of ours, and what is said of it."""

    message: str
    kind: ReturnKind
    status: str = ""
    address: str | None = None


def read(raw: bytes) -> Report | None:
    """Return what a mail that came back reports; None for anything else, such as an answer or an automatic reply."""
    mail = message_from_bytes(raw[:LARGEST_BYTES], policy=policy.compat32)
    if mail.get_content_type() != "multipart/report":
        return None
    about = str(mail.get_param("report-type", "")).lower()
    message = _message(mail)
    if message is None:
        return None
    address = _address(mail)
    if about == "feedback-report":
        return Report(message, ReturnKind.COMPLAINT, address=address)
    if about != "delivery-status":
        return None
    return _status(mail, message, address)


def _status(mail: Message, message: str, address: str | None) -> Report | None:
    for fields in _fields(mail, "message/delivery-status"):
        action, found = str(fields.get("Action", "")).strip().lower(), _STATUS.match(str(fields.get("Status", "")))
        if not action or found is None:
            continue
        status = ".".join(found.groups())
        if action == "delayed":
            return Report(message, ReturnKind.DELAYED, status, address)
        if action == "failed":
            gone = found[1] == "5" and (found[2] == "1" or (found[2] == "2" and found[3] != "2"))
            return Report(message, ReturnKind.GONE if gone else ReturnKind.FAILED, status, address)
    return None


def _message(mail: Message) -> str | None:
    """Return which mail of ours it is about."""
    for kind in _OURS:
        for fields in _fields(mail, kind):
            if found := _ID.search(str(fields.get("Message-ID", ""))):
                return found[1]
    for name in ("To", "Delivered-To", "X-Original-To"):
        if (to := re.search(r"bounces\+([a-z2-7]{26})@", str(mail.get(name, "")))) is not None:
            return to[1]
    return None


def _address(mail: Message) -> str | None:
    """Return where it had gone."""
    for kind in _OURS:
        for fields in _fields(mail, kind):
            if "@" in (to := str(fields.get("To", "")).strip(" <>")):
                return to
    for fields in _fields(mail, "message/delivery-status"):
        for name in ("Original-Recipient", "Final-Recipient"):
            if "@" in (to := str(fields.get(name, "")).rpartition(";")[2].strip(" <>")):
                return to
    return None


def _fields(mail: Message, kind: str) -> list[Message]:
    found: list[Message] = []
    for part in mail.walk():
        if part.get_content_type() != kind:
            continue
        inner = part.get_payload()
        if isinstance(inner, list):
            found += [its for its in inner if isinstance(its, Message)]
        else:
            found.append(message_from_bytes(str(inner).encode("utf-8", "replace")))
    return found
