from datetime import UTC, datetime, timedelta

import pytest

from api.vault import Vault
from engine.addresses import CODE_LASTS, MOST_TRIES, Addresses, Means, normal
from engine.consent import Consents, Grant, Permit, Purpose
from engine.errors import ConsentRequired, InvalidInput, NoSender, NotOffered, TooOften, WrongCode
from engine.language import Language
from tests.unit.address_book import LATER, Book, LetterBox

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAIL = Means.EMAIL
VAULT = Vault([b"k" * 32], "addresses")


def permit(purpose="marketing_library_email", resident="somebody"):
    held = Consents(resident, 1, {Purpose(purpose): Grant(True, 1, NOW)})
    found = held.permit(Purpose(purpose), NOW)
    assert isinstance(found, Permit)
    return found


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def box():
    return LetterBox()


@pytest.fixture
def addresses(book, box):
    return Addresses(book, VAULT, {MAIL: box})


async def confirmed(addresses, box, resident="somebody", address="aino@example.org", now=NOW):
    await addresses.claim(resident, MAIL, address, Language.FI, now)
    await addresses.confirm(resident, MAIL, box.code(), now)


@pytest.mark.parametrize(
    "text", ["", "aino", "aino@", "a@b", "a b@example.org", "a@example.org\nBcc: b@example.org", "ä@example.org"]
)
def test_what_is_no_e_mail_address_is_refused_and_the_field_is_named(text):
    with pytest.raises(InvalidInput) as refused:
        normal(MAIL, text)
    assert refused.value.field == "address"


@pytest.mark.parametrize(
    "text", ["", "112", "09 310 1691", "040", "abc", "+358 40 123 4567 ext. 5", "040 123 45678901234"]
)
def test_what_is_no_mobile_number_is_refused(text):
    with pytest.raises(InvalidInput):
        normal(Means.SMS, text)


def test_numbers_are_finnish_unless_they_say_otherwise():
    assert normal(Means.SMS, "+46 70 123 45 67") == "+46701234567"
    assert normal(Means.SMS, "050-123 4567") == "+358501234567"


async def test_an_address_is_used_only_after_its_code_came_back(addresses, box):
    await addresses.claim("somebody", MAIL, "aino@example.org", Language.SV, NOW)
    assert box.letters[0][::2] == ("aino@example.org", Language.SV)
    assert await addresses.confirmed(permit(), MAIL) is None
    await addresses.confirm("somebody", MAIL, f" {box.code()[:3]} {box.code()[3:]}", NOW)
    assert await addresses.confirmed(permit(), MAIL) == "aino@example.org"


async def test_a_new_address_takes_the_place_of_the_old_one_when_it_is_confirmed(addresses, box):
    await confirmed(addresses, box)
    await addresses.claim("somebody", MAIL, "new@example.org", Language.FI, NOW + LATER)
    assert await addresses.confirmed(permit(), MAIL) == "aino@example.org"
    await addresses.confirm("somebody", MAIL, box.code(), NOW + LATER)
    assert await addresses.confirmed(permit(), MAIL) == "new@example.org"


async def test_a_code_holds_half_an_hour_and_five_tries_and_for_its_own_resident(addresses, box):
    await addresses.claim("somebody", MAIL, "aino@example.org", Language.FI, NOW)
    for resident, code, at in (("else", box.code(), NOW), ("somebody", box.code(), NOW + CODE_LASTS)):
        with pytest.raises(WrongCode):
            await addresses.confirm(resident, MAIL, code, at)
    for _ in range(MOST_TRIES):
        with pytest.raises(WrongCode):
            await addresses.confirm("somebody", MAIL, "wrong", NOW)
    with pytest.raises(WrongCode):
        await addresses.confirm("somebody", MAIL, box.code(), NOW)


async def test_codes_are_not_sent_one_after_another(addresses):
    await addresses.claim("somebody", MAIL, "aino@example.org", Language.FI, NOW)
    with pytest.raises(TooOften) as refused:
        await addresses.claim("somebody", MAIL, "other@example.org", Language.FI, NOW + timedelta(seconds=20))
    assert refused.value.retry_after == 40


async def test_what_could_not_be_sent_is_not_kept(addresses, book, box):
    box.closed = True
    with pytest.raises(NoSender):
        await addresses.claim("somebody", MAIL, "aino@example.org", Language.FI, NOW)
    assert book.claims == {}


def test_where_nothing_can_send_a_code_no_address_is_taken_and_it_is_said(addresses):
    with pytest.raises(NotOffered, match="text messages"):
        addresses.check(Means.SMS, "040 123 4567")


async def test_addresses_are_given_out_in_order_by_permits_of_their_own_channel_alone(addresses, box):
    await confirmed(addresses, box)
    permits = [permit(resident="nobody"), permit()]
    assert await addresses.confirmed_many(permits, MAIL) == [None, "aino@example.org"]
    for purpose in ("marketing_library_sms", "activity"):
        with pytest.raises(ConsentRequired):
            await addresses.confirmed(permit(purpose), MAIL)


async def test_what_lies_there_holds_no_address_and_opens_for_nobody_else(addresses, book, box):
    await confirmed(addresses, box)
    row = book.confirmed_rows["somebody", MAIL]
    assert b"aino" not in row.sealed
    book.confirmed_rows["else", MAIL] = row
    assert await addresses.confirmed(permit(resident="else"), MAIL) is None
