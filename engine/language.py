"""The languages Vinkki speaks, and a text that exists in some of them."""

from enum import StrEnum

import msgspec


class Language(StrEnum):
    """A language that every page, notice and reason exists in."""

    FI = "fi"
    SV = "sv"
    EN = "en"


class Localized(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text in whichever of Finnish, Swedish and English exist.

    Examples
    --------
    >>> Localized(fi="Uimahalli").pick(Language.SV)
    'Uimahalli'
    >>> Localized().pick(Language.FI)
    ''
    """

    fi: str | None = None
    sv: str | None = None
    en: str | None = None

    def pick(self, language: Language) -> str:
        """Return the text in `language`, else in Finnish, English or Swedish, else an empty text."""
        for code in (language, Language.FI, Language.EN, Language.SV):
            if text := getattr(self, code):
                return str(text)
        return ""

    def language_of(self, language: Language) -> Language | None:
        """Return the language that `pick` answers in, so that a page can declare it."""
        return next((c for c in (language, Language.FI, Language.EN, Language.SV) if getattr(self, c)), None)

    def __bool__(self) -> bool:
        return bool(self.fi or self.sv or self.en)
