"""Where residents get messages: e-mail addresses and mobile numbers, confirmed by a code before anything else is sent.

They lie apart from all else, encrypted; what is used for messages is opened by a permit of that very channel alone.
Whether an address is known of somebody else changes no answer.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from engine.consent import Permit, ServicePermit
from engine.errors import ConsentRequired, InvalidInput, NotOffered, TooOften, VinkkiError, WrongCode
from engine.events import AwareTime, Pseudonym
from engine.language import Language

HOME_COUNTRY = "FI"
CODE_LASTS = timedelta(minutes=30)
PAUSE = timedelta(seconds=60)
"""Between two codes for one resident and means."""
WINDOW = timedelta(days=1)
MOST_CODES = 5
"""In a `WINDOW`: for one resident, and to one address whoever names it."""
HOUR = timedelta(hours=1)
MOST_TRIES = 5
UNUSED = timedelta(days=30)
"""How long an address is kept that no consent uses any more."""
_DIGITS = 6
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


class Means(StrEnum):
    """The channels that need an address; push and inbox need none."""

    EMAIL = "email"
    SMS = "sms"


class Address(msgspec.Struct, frozen=True):
    """An address for its resident's own eyes; `confirmed` is null while it waits, until `until`, for its code."""

    means: Means
    address: str
    confirmed: AwareTime | None = None
    until: AwareTime | None = None


class Kept(msgspec.Struct, frozen=True):
    """An address as it lies in the durable home."""

    means: Means
    sealed: bytes
    confirmed: datetime | None
    until: datetime | None


class Claim(msgspec.Struct, frozen=True):
    """An address that waits for its code; `code` and `digest` are keyed hashes, of the code and of the address."""

    means: Means
    sealed: bytes
    digest: bytes
    code: bytes
    sent: datetime
    until: datetime


class Vault(Protocol):
    """What encrypts with a key of the house (`api.vault`)."""

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about."""

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the content, or None where it was not sealed by the house about this."""

    def digest(self, content: bytes, about: str) -> bytes:
        """Return a keyed hash (32 bytes)."""


class Courier(Protocol):
    """What takes a code to an address."""

    async def send(self, address: str, code: str, language: Language) -> None:
        """Send it.

        Raises
        ------
        NoSender
            It could not be handed over.
        """


class AddressRecords(Protocol):
    """The durable home (`engine.records.addresses`)."""

    async def claim(self, resident: Pseudonym, claim: Claim) -> datetime | None:
        """Keep a claim in the place of an earlier one; return when to come back where a limit is reached."""

    async def drop_claim(self, resident: Pseudonym, means: Means) -> None:
        """Drop a claim whose code was not sent."""

    async def confirm(self, resident: Pseudonym, means: Means, code: bytes, now: datetime) -> bool:
        """Count a try, and where the code is right, put the claim in the place of the address."""

    async def remove(self, resident: Pseudonym, means: Means) -> None:
        """Delete address and claim."""

    async def of(self, resident: Pseudonym) -> Sequence[Kept]:
        """Return all addresses and claims of a resident."""

    async def confirmed(self, residents: Sequence[Pseudonym], means: Means) -> Mapping[Pseudonym, bytes]:
        """Return the sealed addresses of those who have confirmed one."""


def normal(means: Means, text: str) -> str:
    """Return an address in its usual form: an e-mail address, or a mobile number as E.164.

    Raises
    ------
    InvalidInput
        It is none.

    Examples
    --------
    >>> normal(Means.SMS, "040 123 4567"), normal(Means.EMAIL, "aino@Example.ORG")
    ('+358401234567', 'aino@example.org')
    """
    return _email(text) if means is Means.EMAIL else _mobile(text)


def _email(text: str) -> str:
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidInput(
            "This is no e-mail address such as name@example.org; correct it.", field="address"
        ) from error
    return found.ascii_email or found.normalized


def _mobile(text: str) -> str:
    wrong = InvalidInput("This is no mobile number such as 040 123 4567 or +46 70 123 45 67.", field="address")
    try:
        number = phonenumbers.parse(text, HOME_COUNTRY)
    except phonenumbers.NumberParseException as error:
        raise wrong from error
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _MOBILE or number.extension:
        raise wrong
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def about(resident: Pseudonym, means: Means) -> str:
    """Return what a sealed address is bound to: it opens in no other row."""
    return f"{resident}:{means}"


def opened(vault: Vault, resident: Pseudonym, kept: Sequence[Kept]) -> list[Address]:
    """Return addresses for their resident's own eyes; what cannot be opened is left out."""
    found = ((one, vault.open(one.sealed, about(resident, one.means))) for one in kept)
    return [Address(one.means, raw.decode(), one.confirmed, one.until) for one, raw in found if raw is not None]


def _opens(permit: Permit | ServicePermit, means: Means) -> bool:
    """Say whether a permit is for messages by this means."""
    if isinstance(permit, ServicePermit):
        return True
    return permit.purpose.marketing and permit.purpose.endswith(f"_{means}")


class Addresses:
    """Takes addresses, confirms them, and gives them out by permits.

    Parameters
    ----------
    records, vault
        The durable home, and what encrypts.
    couriers
        What takes codes to addresses, by means; what is not there cannot be confirmed.
    """

    def __init__(self, records: AddressRecords, vault: Vault, couriers: Mapping[Means, Courier]) -> None:
        self._records = records
        self._vault = vault
        self._couriers = couriers

    @property
    def sendable(self) -> frozenset[Means]:
        """The means by which codes can be sent."""
        return frozenset(self._couriers)

    async def confirmed(self, permit: Permit | ServicePermit, means: Means) -> str | None:
        """Return where to send a message that `permit` allows, or None where no address is confirmed.

        Raises
        ------
        ConsentRequired
            The permit is not for messages by this means.
        """
        return (await self.confirmed_many([permit], means))[0]

    async def confirmed_many(self, permits: Sequence[Permit | ServicePermit], means: Means) -> list[str | None]:
        """Return the same for many at once, in their order.

        Raises
        ------
        ConsentRequired
            A permit is not for messages by this means.
        """
        if not all(_opens(permit, means) for permit in permits):
            raise ConsentRequired(f"This needs a permit for messages by {means}.")
        sealed = await self._records.confirmed([permit.resident for permit in permits], means)
        return [self._open(permit.resident, means, sealed.get(permit.resident)) for permit in permits]

    async def held(self, resident: Pseudonym, now: datetime) -> list[Address]:
        """Return a resident's addresses, and those that still wait for their code, for the resident's own eyes."""
        found = opened(self._vault, resident, await self._records.of(resident))
        return [one for one in found if one.until is None or one.until > now]

    def check(self, means: Means, text: str) -> str:
        """Return the address as it would be kept.

        Raises
        ------
        InvalidInput
            It is none.
        NotOffered
            Nothing here sends codes this way.
        """
        address = normal(means, text)
        if means not in self._couriers:
            raise NotOffered(_UNSET[means])
        return address

    async def claim(
        self, resident: Pseudonym, means: Means, address: str, language: Language, now: datetime
    ) -> Address:
        """Send a code to an address that was checked; it counts when the code has come back.

        Until then an earlier address goes on.

        Raises
        ------
        TooOften
            Too many codes were sent.
        NoSender
            The code could not be handed over; nothing is kept.
        Erased
            The resident is gone.
        """
        code = "".join(secrets.choice("0123456789") for _ in range(_DIGITS))
        claim = Claim(
            means=means,
            sealed=self._vault.seal(address.encode(), about(resident, means)),
            digest=self._vault.digest(address.lower().encode(), means),
            code=self._digest(resident, means, code),
            sent=now,
            until=now + CODE_LASTS,
        )
        again = await self._records.claim(resident, claim)
        if again is not None:
            raise TooOften(retry_after=again - now)
        try:
            await self._couriers[means].send(address, code, language)
        except VinkkiError:
            await self._records.drop_claim(resident, means)
            raise
        return Address(means, address, None, claim.until)

    async def confirm(self, resident: Pseudonym, means: Means, code: str, now: datetime) -> None:
        """Take the code that came to an address; the address is used from now on.

        Raises
        ------
        WrongCode
            It is another code, too old or tried too often, or none was sent: all in the same words.
        """
        digits = "".join(code.split())
        if not await self._records.confirm(resident, means, self._digest(resident, means, digits), now):
            raise WrongCode(field="code")

    async def remove(self, resident: Pseudonym, means: Means) -> None:
        """Forget an address, and one that waits for its code."""
        await self._records.remove(resident, means)

    def _digest(self, resident: Pseudonym, means: Means, code: str) -> bytes:
        return self._vault.digest(code.encode(), f"code:{about(resident, means)}")

    def _open(self, resident: Pseudonym, means: Means, sealed: bytes | None) -> str | None:
        raw = None if sealed is None else self._vault.open(sealed, about(resident, means))
        return None if raw is None else raw.decode()


_UNSET = {
    Means.EMAIL: "No mail server is set here (VINKKI_MAIL), so no code can be sent and no e-mail address be taken.",
    Means.SMS: "No service for text messages is set here (VINKKI_SMS), so no code can be sent and no number be taken.",
}
