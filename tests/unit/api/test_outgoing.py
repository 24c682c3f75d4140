"""Codes go where their server is set; one to a mobile number goes through the city's Notification service."""

from datetime import UTC, datetime

import pytest
from starlette.responses import JSONResponse

from api.outgoing import couriers
from api.vault import Vault
from engine.addresses import Addresses, Means
from engine.errors import InvalidInput, NoSender, NotOffered
from engine.language import Language
from engine.settings import Settings
from tests.mailbox import free_port
from tests.notification_service import TOKEN, NotificationService, notifying
from tests.unit.address_book import Book

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NUMBER = "+358401234567"


def made(sms: str | None, token: str | None = TOKEN) -> Addresses:
    settings = Settings(sms=sms, sms_token=token)
    return Addresses(Book(), Vault([b"k" * 32], "addresses"), couriers(settings))


@pytest.mark.parametrize("language", Language)
async def test_a_number_is_used_when_the_code_of_its_message_has_come_back(language):
    async with notifying(NotificationService()) as service:
        addresses = made(service.address)
        number = addresses.check(Means.SMS, "040 123 4567")
        await addresses.claim("somebody", Means.SMS, number, language, NOW)
        assert [its.confirmed for its in await addresses.held("somebody", NOW)] == [None]
        await addresses.confirm("somebody", Means.SMS, service.code(NUMBER), NOW)
    (its,) = await addresses.held("somebody", NOW)
    assert (its.address, its.confirmed) == (NUMBER, NOW)
    assert service.messages[0]["sender"] == "Hel.fi"
    assert len(service.messages[0]["text"]) <= 160


@pytest.mark.parametrize(
    ("status", "error"), [(400, InvalidInput), (503, NoSender), (500, NoSender), (401, NoSender), (404, NoSender)]
)
async def test_what_the_service_does_not_take_is_told_and_leaves_nothing_to_wait_for(status, error):
    async with notifying(NotificationService(answer=lambda: JSONResponse({}, status))) as service:
        addresses = made(service.address)
        with pytest.raises(error):
            await addresses.claim("somebody", Means.SMS, NUMBER, Language.FI, NOW)
    assert await addresses.held("somebody", NOW) == []


async def test_a_service_that_is_away_is_no_reason_to_break():
    with pytest.raises(NoSender):
        await made(f"http://127.0.0.1:{free_port()}/v1/").claim("somebody", Means.SMS, NUMBER, Language.FI, NOW)


@pytest.mark.parametrize(("sms", "token"), [(None, TOKEN), ("https://sms.example/v1/", None)])
def test_without_the_service_no_number_is_taken(sms, token):
    with pytest.raises(NotOffered, match="VINKKI_SMS"):
        made(sms, token).check(Means.SMS, NUMBER)
