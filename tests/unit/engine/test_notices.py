"""The register is complete in every language; a wider notice suspends what was granted, a clearer one does not."""

import re
from datetime import UTC, datetime

import msgspec
import pytest

from engine.consent import Consents, Declaration, Grant, Notice, Permit, Purpose, Refusal, Register
from engine.language import Localized

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = Localized(fi="a", sv="b", en="c")
DECLARATIONS = Register.read().declarations


def complete(text: Localized) -> bool:
    return all((text.fi, text.sv, text.en))


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda declaration: declaration.id)
def test_every_purpose_is_declared_in_full(declaration: Declaration):
    for told in (declaration.data, declaration.kept, declaration.recipients, declaration.forgotten):
        assert complete(told)
    assert declaration.retention is None or re.fullmatch(r"P\d+[DMY]", declaration.retention)
    notices = [*declaration.earlier, declaration.notice]
    assert [notice.version for notice in notices] == list(range(1, len(notices) + 1))
    for notice in notices:
        assert complete(notice.title)
        assert complete(notice.text)
        assert notice.plain.fi


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda declaration: declaration.id)
def test_plain_language_has_short_sentences(declaration: Declaration):
    sentences = re.split(r"(?<=[.!?])\s+", declaration.notice.plain.fi)
    assert max(len(sentence.split()) for sentence in sentences) <= 12


def test_no_two_purposes_share_a_title():
    for language in ("fi", "sv", "en"):
        titles = [getattr(declaration.notice.title, language) for declaration in DECLARATIONS]
        assert len(set(titles)) == len(titles)


def declaration(*widens: bool) -> Declaration:
    *earlier, latest = [Notice(n, TEXT, TEXT, TEXT, wide) for n, wide in enumerate(widens, start=1)]
    return Declaration("consent", latest, id=Purpose.ACTIVITY, earlier=tuple(earlier))


@pytest.mark.parametrize(
    ("widens", "least"),
    [((False,), 1), ((False, False), 1), ((False, True), 2), ((False, True, False), 2), ((True, False, True), 3)],
)
def test_the_newest_wider_notice_is_the_oldest_that_holds(widens, least):
    register = Register([declaration(*widens)])
    for version in range(1, len(widens) + 1):
        consents = Consents("r", 1, {Purpose.ACTIVITY: Grant(True, version, NOW)}, register.least)
        answer = consents.permit(Purpose.ACTIVITY, NOW)
        if version >= least:
            assert isinstance(answer, Permit)
        else:
            assert answer == Refusal(Purpose.ACTIVITY, "notice_outdated")


def test_a_withdrawal_of_an_outdated_grant_is_a_withdrawal():
    consents = Consents("r", 1, {Purpose.ACTIVITY: Grant(False, 1, NOW)}, {Purpose.ACTIVITY: 2})
    assert consents.permit(Purpose.ACTIVITY, NOW) == Refusal(Purpose.ACTIVITY, "withdrawn")


def test_earlier_wordings_can_be_looked_up():
    declared = declaration(False, False)
    assert declared.wording(1).version == 1
    assert declared.wording(3) is None
    assert msgspec.json.decode(msgspec.json.encode(declared))["earlier"][0]["version"] == 1
