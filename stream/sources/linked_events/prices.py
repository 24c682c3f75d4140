"""What it costs: free, not free, or unknown."""

import re

from engine.language import Language, Localized
from stream.sources.linked_events.fields import flag, objects
from stream.sources.linked_events.texts import localized, texts

_COSTS = re.compile(
    r"\b(?:maksulli\w*|avgiftsbelag\w*|pääsymaksu\w*|inträdesavgift\w*|not free)\b|[1-9]\d*\s*(?:€|eur)|€\s*[1-9]",
    re.IGNORECASE,
)
_IS_FREE = re.compile(
    r"\b(?:maksu(?:ton|tta|ttomat)\w*|ilmai\w*|vapaa pääsy|pääsy vapaa|fri(?:tt)? (?:entré|inträde)|inträdet? fritt"
    r"|gratis|avgiftsfri\w*|kostnadsfri\w*|(?<!not )free|no charge)\b|^\s*0(?:[,.]00?)?\s*(?:€|eur)?\s*$",
    re.IGNORECASE,
)


def read_price(value: object) -> tuple[bool | None, Localized]:
    """Return whether all can come for free, and how the price is described, from a record's `offers`.

    The flag and the words sometimes contradict each other. The words were typed by a person for this very event, while
    the flag is often left at what the form began with: "Maksullinen" with `is_free` true is not free, and "vapaa pääsy"
    with `is_free` false is unknown. Free for some and not for others is not free.
    """
    verdicts: list[bool | None] = []
    prices: list[Localized] = []
    for offer in objects(value):
        price = localized(offer.get("price")) or localized(offer.get("description"))
        verdicts.append(_verdict(flag(offer.get("is_free")), " ".join(texts(price))))
        prices.append(price)
    return _all_free(verdicts), _joined(prices)


def _verdict(is_free: bool | None, words: str) -> bool | None:  # noqa: FBT001 - the field's own value
    costs, free = bool(_COSTS.search(words)), bool(_IS_FREE.search(words))
    if is_free is None:
        return None if costs == free else free
    if is_free:
        return free or not costs
    return None if free and not costs else False


def _all_free(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return True if verdicts and None not in verdicts else None


def _joined(prices: list[Localized]) -> Localized:
    by_language = {lang: dict.fromkeys(text for p in prices if (text := getattr(p, lang))) for lang in Language}
    return Localized(**{lang: "; ".join(found)[:300] or None for lang, found in by_language.items()})
