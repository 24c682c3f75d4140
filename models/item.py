"""What rankers see of an offer: what it says, what it is about, where and when it is, and who arranges it.

The city's offers and the records of any other collection come to the same form, so one pipeline learns from both; what
a source does not tell is simply absent.
"""

from collections.abc import Mapping

import msgspec

from engine.offers import Offer

NO_LANGUAGE = ""
"""The key of a text whose language is unknown."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An offer as rankers see it.

    Attributes
    ----------
    title, text
        Language code, or `NO_LANGUAGE` -> what it is called, and what more is told of it.
    terms
        Word -> how often it occurs, where a source gives counted words instead of a text.
    tags
        Ids of concepts, such as ``yso:p1278``.
    labels
        Tag -> language code -> what the concept is called.
    lat, lon
        Degrees.
    starts
        Unix seconds; None for what is always there, or unknown.
    """

    id: str
    title: Mapping[str, str] = {}
    text: Mapping[str, str] = {}
    terms: Mapping[str, float] = {}
    tags: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = {}
    kind: str | None = None
    organiser: str | None = None
    organiser_text: str | None = None
    venue: str | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None
    starts: float | None = None


def item(offer: Offer) -> Item:
    """Return what rankers see of an offer of the city."""
    concepts = {keyword.id: keyword.label for keyword in (*offer.keywords, *offer.audience)}
    told = (offer.summary, offer.description)
    texts = {code: " ".join(text for part in told if (text := getattr(part, code))) for code in ("fi", "sv", "en")}
    place = offer.place
    return Item(
        id=offer.id,
        title=msgspec.to_builtins(offer.name),
        text={code: text for code, text in texts.items() if text},
        tags=tuple(concepts),
        labels={concept: msgspec.to_builtins(label) for concept, label in concepts.items()},
        kind=str(offer.kind),
        organiser=offer.organiser,
        venue=place.id if place else None,
        area=place.district if place else None,
        lat=place.lat if place else None,
        lon=place.lon if place else None,
        starts=offer.starts.timestamp() if offer.starts else None,
    )
