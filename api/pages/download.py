"""Everything that is known of a resident as one page that needs nothing else: to read, to print, to keep."""

from datetime import datetime

from babel.dates import format_datetime

from api.my_data import MyData
from api.my_data_words import document
from api.pages.app import environment
from engine.language import Language
from engine.reasons import HELSINKI
from engine.records.personal import Personal

_LOCALES = {Language.FI: "fi", Language.SV: "sv_FI", Language.EN: "en_GB"}


def page(told: MyData, held: Personal, language: Language) -> str:
    """Return the page in HTML, in the words of `language`."""

    def when(moment: datetime) -> str:
        return str(format_datetime(moment, "medium", tzinfo=HELSINKI, locale=_LOCALES[language]))

    template = environment().get_template("download.html")
    return template.render(t=document(language), lang=str(language), data=told, held=held, when=when)
