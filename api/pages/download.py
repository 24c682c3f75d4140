"""Everything that is known of a resident as one page that needs nothing else: to read, to print, to keep."""

from datetime import datetime
from typing import NamedTuple

from babel.dates import format_datetime

from api.my_data import MyData
from api.my_data_words import decision, document
from api.pages.app import environment
from engine.language import Language
from engine.reasons import HELSINKI
from engine.records.personal import Personal

_LOCALES = {Language.FI: "fi", Language.SV: "sv_FI", Language.EN: "en_GB"}


class _Decision(NamedTuple):
    what: str
    state: str
    time: datetime


def page(told: MyData, held: Personal, language: Language) -> str:
    """Return the page in HTML, in the words of `language`."""

    def when(moment: datetime) -> str:
        return str(format_datetime(moment, "medium", tzinfo=HELSINKI, locale=_LOCALES[language]))

    template = environment().get_template("download.html")
    decisions = [
        _Decision(*decision(one.purpose, one.partner, granted=one.granted, language=language), one.time)
        for one in held.decisions
    ]
    given = {"lang": str(language), "data": told, "held": held, "decisions": decisions}
    return template.render(t=document(language), when=when, **given)
