"""What takes a code to an address, so that nobody is written to who has not asked for it: a mail, or a text message."""

import secrets
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from campaigns.channels import Accepted, Channel, Note, Refused
from campaigns.channels.smtp import Server
from campaigns.message import Rendered
from engine.errors import InvalidInput, NoSender
from engine.language import Language
from engine.telemetry import logger

TIMEOUT_SECONDS = 10.0
log = logger("campaigns")
SUBJECT: Mapping[Language, str] = {
    Language.FI: "Vahvista sähköpostiosoitteesi",
    Language.SV: "Bekräfta din e-postadress",
    Language.EN: "Confirm your e-mail address",
}
BODY: Mapping[Language, str] = {
    Language.FI: """\
Vahvistuskoodisi on {code}

Kirjoita koodi Vinkkiin 30 minuutin kuluessa, niin voimme lähettää sinulle viestejä, joihin olet antanut luvan.

Jos et pyytänyt koodia, sinun ei tarvitse tehdä mitään: osoitteeseen ei lähetetä viestejä.
""",
    Language.SV: """\
Din bekräftelsekod är {code}

Skriv koden i Vinkki inom 30 minuter, så kan vi skicka dig de meddelanden som du har gett lov till.

Om du inte bad om koden behöver du inte göra något: inga meddelanden skickas till adressen.
""",
    Language.EN: """\
Your confirmation code is {code}

Enter the code in Vinkki within 30 minutes, and we can send you the messages that you have allowed.

If you did not ask for a code, you need do nothing: no messages are sent to this address.
""",
}
TEXT: Mapping[Language, str] = {
    Language.FI: "Vinkki: vahvistuskoodisi on {code}. Jos et pyytänyt koodia, sinun ei tarvitse tehdä mitään.",
    Language.SV: "Vinkki: din bekräftelsekod är {code}. Om du inte bad om koden behöver du inte göra något.",
    Language.EN: "Vinkki: your confirmation code is {code}. If you did not ask for a code, you need do nothing.",
}


class MailCourier:
    """Takes codes to e-mail addresses over SMTP (see `engine.addresses.Courier`); a connection for each.

    Parameters
    ----------
    server
        ``smtp+starttls://``, ``smtps://`` or ``smtp://``, with user and password where it wants them.
    sender
        Whom the mails come from.

    Raises
    ------
    Misconfigured
        The address of the server cannot be used.
    """

    def __init__(self, server: str, sender: str) -> None:
        self._server = Server.read(server, TIMEOUT_SECONDS)
        self._sender = sender

    async def send(self, address: str, code: str, language: Language) -> None:
        """Hand the code to the mail server.

        Raises
        ------
        InvalidInput
            The server will never take mail for this address.
        NoSender
            It does not take it now.
        """
        try:
            await aiosmtplib.send(
                self._message(address, code, language),
                hostname=self._server.host,
                port=self._server.port,
                username=self._server.user,
                password=self._server.secret,
                use_tls=self._server.tls,
                start_tls=self._server.starttls,
                timeout=self._server.timeout,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(one.code >= 500 for one in error.recipients):  # noqa: PLR2004 - refused for good, RFC 5321
                raise InvalidInput("The mail server takes no mail for this address.", field="address") from error
            raise NoSender from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            log.warning("code_not_sent", why=type(error).__name__)
            raise NoSender from error

    def _message(self, address: str, code: str, language: Language) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, address, SUBJECT[language]
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(BODY[language].format(code=code))
        message["Content-Language"] = language
        return message


class SmsCourier:
    """Takes codes to mobile numbers (see `engine.addresses.Courier`); a connection for each.

    Parameters
    ----------
    connect
        Returns the channel of text messages; it is closed after each code.
    """

    def __init__(self, connect: Callable[[], Channel]) -> None:
        self._connect = connect

    async def send(self, address: str, code: str, language: Language) -> None:
        """Hand the code to the service.

        Raises
        ------
        InvalidInput
            The service takes no message for this number.
        NoSender
            It does not take it now, or it is not known whether it has.
        """
        said = Rendered("", TEXT[language].format(code=code))
        channel = self._connect()
        try:
            (outcome,) = await channel.deliver([Note(secrets.token_hex(13), address, said, "", "", language)])
        finally:
            await channel.close()
        if isinstance(outcome, Accepted):
            return
        if isinstance(outcome, Refused) and outcome.reason != "unknown":
            raise InvalidInput("The service for text messages takes none for this number.", field="address")
        log.warning("code_not_sent", why=outcome.reason)
        raise NoSender
