"""The page behind a stop link: it needs no script, no sign-in, and its button alone changes anything."""

from collections.abc import Callable
from functools import cache
from typing import Literal

from jinja2 import Template

from api.pages.app import LANGUAGE_NAMES, environment
from api.pages.texts import texts
from engine.consent import declared
from engine.language import Language

State = Literal["ask", "topic", "all", "over", "unknown", "failed"]
"""What there is to say: the question, that it is done for a topic or for all, or what is wrong."""


@cache
def _template() -> Template:
    return environment().get_template("stop.html")


def page(state: State, language: Language, purpose: str | None = None) -> str:
    """Return the page in HTML; `purpose` is what the link ends, where it is known."""
    titled = "" if purpose is None else declared().declaration(purpose).notice.title.pick(language)
    said: Callable[[str], str] = lambda key: str(texts(language)[key]).replace("{title}", titled)  # noqa: E731 - a short word
    return _template().render(
        t=texts(language), said=said, state=state, lang=language, languages=LANGUAGE_NAMES, purpose=purpose
    )
