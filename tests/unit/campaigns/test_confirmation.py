import pytest

from campaigns.confirmation import MailCourier
from engine.errors import InvalidInput, Misconfigured, NoSender
from engine.language import Language
from tests.mailbox import MailBox, free_port

SENDER = "vinkki@example.org"


class Refusing(MailBox):
    """A mail server that answers every address in its own way."""

    def __init__(self, answer):
        super().__init__()
        self._answer = answer

    async def handle_RCPT(self, *_):  # noqa: N802 - aiosmtpd's name
        return self._answer


@pytest.mark.parametrize("language", Language)
async def test_a_code_goes_out_in_a_mail_of_its_language_to_one_address(language):
    box = MailBox()
    with box.running() as server:
        await MailCourier(server, SENDER).send("aino@example.org", "123456", language)
    (mail,) = box.mails
    assert (mail["From"], mail["To"], mail["Content-Language"]) == (SENDER, "aino@example.org", language)
    assert box.code("aino@example.org") == "123456"


@pytest.mark.parametrize(
    ("answer", "error"), [("550 nobody of that name", InvalidInput), ("450 come back later", NoSender)]
)
async def test_an_address_refused_for_good_is_told_from_one_refused_for_now(answer, error):
    with Refusing(answer).running() as server, pytest.raises(error):
        await MailCourier(server, SENDER).send("aino@example.org", "123456", Language.FI)


async def test_a_server_that_is_away_is_no_reason_to_break():
    with pytest.raises(NoSender):
        await MailCourier(f"smtp://127.0.0.1:{free_port()}", SENDER).send("a@example.org", "1", Language.FI)


@pytest.mark.parametrize("address", ["mail.example.org:25", "http://mail.example.org", "smtp://", "smtp://host:port"])
def test_an_address_of_no_mail_server_is_refused_at_the_start(address):
    with pytest.raises(Misconfigured, match="VINKKI_MAIL"):
        MailCourier(address, SENDER)
