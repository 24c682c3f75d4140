import base64
from datetime import UTC, datetime, timedelta

import pytest

from api.vault import Vault
from campaigns.stop import MARKS, LinkOver, LinkUnknown, Stop, StopLinks, Stopper
from engine.consent import Consents, Grant, Purpose
from engine.errors import Erased
from engine.language import Language
from engine.residents import new_pseudonym

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = b"k" * 32
BASE = "https://vinkki.example.org"


def links(*keys, use="stop links"):
    return StopLinks(Vault(keys or (KEY,), use), BASE)


def token(made, resident="somebody"):
    return made.link(resident, "library", "email", "c-1", NOW, Language.SV).rpartition("/")[2]


class Ledger:
    """Notes withdrawals; somebody erased has none."""

    def __init__(self, granted=(), *, erased=False):
        self.held = Consents("somebody", 1, {purpose: Grant(True, 1, NOW) for purpose in granted})
        self.erased, self.said = erased, []

    async def consents(self, _):
        return self.held

    async def record(self, resident, purpose, *, granted, **_):
        if self.erased:
            raise Erased
        self.said.append((resident, purpose, granted))


@pytest.mark.parametrize("resident", [new_pseudonym(), "somebody", "=" * 16, "ä"])
def test_a_link_is_read_again_whoever_it_is_of(resident):
    read = links().read(token(links(), resident), NOW)
    assert read == Stop(resident, Purpose.MARKETING_LIBRARY_EMAIL, "c-1", Language.SV)


def test_a_link_names_nobody_readably_and_is_short():
    resident = new_pseudonym()
    made = token(links(), resident)
    raw = base64.urlsafe_b64decode(made + "=" * (-len(made) % 4))
    assert resident not in made
    assert base64.urlsafe_b64decode(resident + "==") not in raw
    assert b"library" not in raw
    assert token(links(), resident) != made
    assert len(made) < 100


def test_a_link_holds_a_year_and_then_no_more():
    made = token(links())
    assert links().read(made, NOW + timedelta(days=365))
    with pytest.raises(LinkOver):
        links().read(made, NOW + timedelta(days=367))


def test_a_link_survives_a_restart_and_a_new_key_but_not_another_house():
    made = token(links())
    assert links(b"n" * 32, KEY).read(made, NOW)
    with pytest.raises(LinkUnknown):
        links(b"n" * 32).read(made, NOW)


@pytest.mark.parametrize("wrong", ["", "x", "ä", "A" * 80, "A" * 100_000, "../..", "\0"])
def test_what_is_no_link_is_unknown(wrong):
    with pytest.raises(LinkUnknown):
        links().read(wrong, NOW)


def test_a_link_that_was_changed_or_sealed_for_something_else_is_unknown():
    made = token(links())
    for place in (0, 20, len(made) - 3):
        changed = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        with pytest.raises(LinkUnknown):
            links().read(changed, NOW)
    with pytest.raises(LinkUnknown):
        links().read(token(links(use="addresses")), NOW)


def test_every_purpose_of_marketing_has_a_mark_of_its_own():
    assert sorted(MARKS.values()) == sorted(its for its in Purpose if its.marketing)


@pytest.mark.parametrize(("everything", "ended"), [(False, 1), (True, 3)])
async def test_a_topic_or_all_is_withdrawn_and_told(everything, ended):
    granted = (Purpose.MARKETING_LIBRARY_EMAIL, Purpose.MARKETING_VOLUNTEERING_PUSH, Purpose.MARKETING_LIBRARY_SMS)
    ledger, told = Ledger((*granted, Purpose.ACTIVITY)), []

    async def tell(_, purpose, __):
        told.append(purpose)

    await Stopper(ledger, tell).stop(links().read(token(links()), NOW), NOW, everything=everything)
    assert [(purpose, granted) for _, purpose, granted in ledger.said] == [(its, False) for its in granted[:ended]]
    assert told == list(granted[:ended])


async def test_of_somebody_erased_nothing_is_ended_and_nothing_tells_so():
    async def tell(*_):
        raise AssertionError

    await Stopper(Ledger(erased=True), tell).stop(links().read(token(links()), NOW), NOW, everything=True)
