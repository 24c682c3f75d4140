"""Receipts: the same decision gives the same receipt, and none leads to the person."""

from datetime import UTC, datetime, timedelta

import msgspec

from engine.consent import Entry, Purpose, Register
from engine.receipts import Decided, Receipt, opaque, receipt, text_hash

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACTIVITY = Register.read().declaration("activity")


def made(*, granted: bool, notice: int = 1, forgotten: datetime | None = None) -> Receipt:
    entry = Entry(7, Purpose.ACTIVITY, granted, notice, NOW)
    return receipt(Decided(entry, forgotten), ACTIVITY, "an-id", "Kaupunki")


def test_a_grant_says_what_for_on_which_words_and_by_whom():
    told = made(granted=True)
    assert told.consent_event.event_state == "given"
    assert told.deletion is None
    assert told.party_identification[0].party_name == "Kaupunki"
    purpose = told.pii_processing.purposes[0]
    assert (purpose.purpose, purpose.lawful_basis, purpose.retention_period) == ("activity", "consent", "P400D")
    assert told.pii_processing.privacy_notice.text_sha256 == text_hash(ACTIVITY.notice)


def test_a_withdrawal_says_what_was_deleted_and_when():
    assert made(granted=False).deletion.completed is None
    done = made(granted=False, forgotten=NOW + timedelta(seconds=1))
    assert done.deletion.completed == NOW + timedelta(seconds=1)
    assert done.deletion.what == ACTIVITY.forgotten
    assert done.consent_event.event_state == "withdrawn"


def test_words_that_are_no_longer_known_get_no_hash():
    assert made(granted=True, notice=99).pii_processing.privacy_notice.text_sha256 is None


def test_it_survives_json_and_comes_out_the_same():
    told = made(granted=False, forgotten=NOW)
    raw = msgspec.json.encode(told)
    assert msgspec.json.decode(raw, type=Receipt) == told
    assert msgspec.json.encode(made(granted=False, forgotten=NOW)) == raw


def test_ids_differ_by_secret_resident_and_entry_and_tell_nothing():
    ids = {opaque(s, r, n) for s in (b"1", b"2") for r in ("ann", "bea") for n in (1, 2)}
    assert len(ids) == 8
    assert all(len(id_) == 22 for id_ in ids)
