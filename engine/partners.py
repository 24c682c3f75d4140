"""Trusted third parties: who they are, what they may be shown, and the key that is theirs alone.

What a partner was registered with never changes, so that a resident's grant always means what was read.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import msgspec

from engine.consent import PARTNER_NOTICE, Notice, Purpose, Terms
from engine.language import Localized

KEY_PREFIX = "vinkki_partner_"
"""What a key begins with, so that one that was published by mistake is found by those who look for secrets."""


class Field(StrEnum):
    """What a partner may be shown of a resident."""

    INTERESTS = "interests"
    DISTRICTS = "districts"
    LANGUAGES = "languages"
    ACCESS = "access"
    AGE_BAND = "age_band"
    TASTE = "taste"


NEEDS: Mapping[Field, tuple[Purpose, ...]] = {
    Field.INTERESTS: (Purpose.INTERESTS,),
    Field.DISTRICTS: (Purpose.INTERESTS, Purpose.LOCATION),
    Field.LANGUAGES: (Purpose.INTERESTS,),
    Field.ACCESS: (Purpose.INTERESTS,),
    Field.AGE_BAND: (Purpose.INTERESTS,),
    Field.TASTE: (Purpose.ACTIVITY,),
}
"""The resident's consents without which a field is not shown, whatever the partner was granted."""

WORDS: Mapping[Field, Localized] = {
    Field.INTERESTS: Localized("kiinnostukset, jotka olet kertonut", "intressen du har berättat om", "your interests"),
    Field.DISTRICTS: Localized("alueet, jotka olet valinnut", "områden du har valt", "the areas you have chosen"),
    Field.LANGUAGES: Localized("kielesi", "dina språk", "your languages"),
    Field.ACCESS: Localized("esteettömyystarpeesi", "dina tillgänglighetsbehov", "your access needs"),
    Field.AGE_BAND: Localized("ikäryhmäsi", "din åldersgrupp", "your age group"),
    Field.TASTE: Localized(
        "aiheet, joista toimintasi perusteella pidät",
        "ämnen som du enligt det du gör tycker om",
        "topics that you like, going by what you do",
    ),
}
_KEPT = Localized(
    "Luovutamme tietoja, kunnes perut luvan tai kumppanuus päättyy.",
    "Vi lämnar ut uppgifter tills du återkallar lovet eller partnerskapet upphör.",
    "We share data until you withdraw your consent or the partnership ends.",
)
_FORGOTTEN = Localized(
    "Kumppanin pääsy tietoihisi ja tunnus, jolla se tunsi sinut.",
    "Partnerns tillgång till dina uppgifter och den kod som den kände dig genom.",
    "The partner's access to your data, and the code by which it knew you.",
)


class Partner(msgspec.Struct, frozen=True):
    """A partner as everybody may know it; `purpose` is in Finnish, Swedish and English."""

    id: str
    name: str
    purpose: Localized
    fields: tuple[Field, ...]
    expires: datetime


def new_id() -> str:
    """Return a partner's id: 16 random hexadecimal digits."""
    return secrets.token_hex(8)


def new_key() -> str:
    """Return a key: the prefix and 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """Return by what a key is known. It needs no salt: nobody can guess 256 random bits."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def terms(partner: Partner) -> Terms:
    """Return what a resident decides on who grants a partner."""
    title = Localized(*(f"{partner.name}: {word}" for word in ("tietojen luovutus", "utlämning", "data sharing")))
    return Terms(
        "consent",
        Notice(PARTNER_NOTICE, title, partner.purpose),
        data=_listed(partner.fields),
        kept=_KEPT,
        recipients=Localized(partner.name, partner.name, partner.name),
        forgotten=_FORGOTTEN,
    )


def _listed(fields: Sequence[Field]) -> Localized:
    words = [WORDS[field] for field in fields]
    return Localized(*("; ".join(getattr(word, code) for word in words) for code in ("fi", "sv", "en")))
