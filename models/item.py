"""What rankers see of an offer: what it says, what it is about, where and when it is, and who arranges it.

The city's offers and the records of any other collection come to the same form, so one pipeline learns from both; what
a source does not tell is simply absent.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.offers import Offer

_YOUNG, _ADULT, _GROWN, _OLD = 13, 16, 30, 60
"""Years: an offer for people up to 12 is for children, one up to 29 for the young."""
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
    starts, closes
        When it begins and when enrolment ends, in Unix seconds; None for what is always there, or unknown.
    seats
        Since when, in Unix seconds, how many seats were left; -1 for no limit. The oldest first.
    price
        ``free`` or ``paid``.
    language
        The languages spoken there.
    ages
        Whom it is for: ``children``, ``young``, ``adults``, ``seniors``, ``all``.
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
    closes: float | None = None
    seats: tuple[tuple[float, int], ...] = ()
    price: str | None = None
    language: str | None = None
    ages: str | None = None


def item(offer: Offer, seats: Sequence[tuple[float, int]] = ()) -> Item:
    """Return what rankers see of an offer of the city; `seats` as in `Item`."""
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
        closes=offer.enrolment_closes.timestamp() if offer.enrolment_closes else None,
        seats=tuple(seats),
        price=None if offer.free is None else "free" if offer.free else "paid",
        language=" ".join(sorted(offer.languages)) or None,
        ages=_ages(offer),
    )


def _ages(offer: Offer) -> str | None:
    """Return whom an offer is for, by the ages that it is said to be for."""
    youngest, oldest = offer.age_min, offer.age_max
    if youngest is None and oldest is None:
        return None
    if oldest is not None and oldest < _GROWN:
        return "children" if oldest < _YOUNG else "young"
    if youngest is not None and youngest >= _OLD:
        return "seniors"
    return "adults" if youngest is not None and youngest >= _ADULT else "all"
