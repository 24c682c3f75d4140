"""What a text message takes: its alphabet, its parts, and what they cost (3GPP TS 23.038 and 23.040)."""

import msgspec

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
_SINGLE, _JOINED = {"gsm7": 160, "ucs2": 70}, {"gsm7": 153, "ucs2": 67}
MOST_PARTS = 6


class Size(msgspec.Struct, frozen=True):
    """What a text takes: `units` of septets or of UTF-16, in so many parts; `cost` in euros."""

    alphabet: str
    units: int
    parts: int
    cost: float


def measure(text: str, part_euros: float) -> Size:
    """Return what a text takes.

    Parameters
    ----------
    part_euros
        The price of one part, in euros.

    Examples
    --------
    >>> measure("Hei!", 0.05)
    Size(alphabet='gsm7', units=4, parts=1, cost=0.05)
    >>> measure("Привет", 0.05).alphabet
    'ucs2'
    """
    widths = [1 if letter in _BASIC else 2 if letter in _EXTENDED else 0 for letter in text]
    alphabet = "gsm7" if all(widths) else "ucs2"
    if alphabet == "ucs2":
        widths = [len(letter.encode("utf-16-le")) // 2 for letter in text]
    units = sum(widths)
    parts = 1 if units <= _SINGLE[alphabet] else _cut(widths, _JOINED[alphabet])
    return Size(alphabet, units, parts, round(parts * part_euros, 4))


def _cut(widths: list[int], room: int) -> int:
    """Return how many parts there are when no character is cut in two."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
