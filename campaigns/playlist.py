"""What an infoscreen shows: of a place and a moment, never of a person.

Campaigns for screens come first, the most urgent before the others; then what is on at the place, then what is near.
A slide says until when it holds, so that a screen without a network drops what is over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from campaigns.campaign import Campaign, CampaignKind
from campaigns.cards import Card
from campaigns.message import SCREEN, Form
from engine.events import AwareTime
from engine.language import Language, Localized
from engine.offers import NO_END_MEANS, Offer, over

LASTS = timedelta(hours=12)
"""How long a screen goes on without a network."""
MOST_NOTICES, MOST_OFFERS, MOST_NEARBY = 8, 8, 4
"""Slides of campaigns, of offers, and of these such as are elsewhere."""
FOR_SCREENS = "kulke:616"
"""The keyword by which the city's editors mark what screens should show (Näkyy TV-sovelluksessa)."""


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """A slide in one language; what is not known is left out."""

    title: str
    text: str = ""
    where: str = ""
    price: str = ""


class Slide(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing to show.

    Attributes
    ----------
    id, kind
        Of a campaign (`notice`), or of an offer.
    texts
        By language, in the order in which they are to be read.
    starts, ends
        The next date of an offer.
    ongoing
        Whether it is open on any day until `ends`.
    until
        When it is to be dropped.
    """

    id: str
    kind: str
    texts: Mapping[str, Words]
    until: AwareTime
    starts: AwareTime | None = None
    ends: AwareTime | None = None
    ongoing: bool = False


class Playlist(msgspec.Struct, frozen=True, kw_only=True):
    """What a place's screens show, in turn.

    Attributes
    ----------
    name
        The place's.
    alone
        Whether these slides alone are shown, as in an emergency: at once, and without the others.
    valid_until
        How long it may be shown without being asked for anew.
    """

    place: str
    name: Localized
    alone: bool
    valid_until: AwareTime
    slides: Sequence[Slide]


class Around(msgspec.Struct, frozen=True):
    """A place, and what its screens show of what is on there and near it; empty of a place that nobody knows."""

    name: Localized = Localized()
    slides: Sequence[Slide] = ()


def at(place: str, running: Sequence[Campaign], now: datetime) -> list[Campaign]:
    """Return the campaigns that a place's screens show, the most urgent first; only those that stand alone, if any do.

    A screen hears of the end of one that an outage lets run on.
    """
    mine = [its for its in running if _shown(its, place, now)]
    if any(its.draft.alone for its in mine):
        mine = [its for its in mine if its.draft.alone]
    return sorted(mine, key=lambda its: (-its.draft.priority, its.created))[:MOST_NOTICES]


def _shown(its: Campaign, place: str, now: datetime) -> bool:
    draft = its.draft
    fits = draft.kind is CampaignKind.SCREEN and (not draft.places or place in draft.places)
    return fits and (draft.schedule.ends is None or now < draft.schedule.ends)


def playlist(place: str, around: Around, notices: Sequence[Slide], now: datetime, *, alone: bool) -> Playlist:
    """Return what a place's screens show.

    Parameters
    ----------
    notices
        The slides (`notice`) of what `at` returned; `alone` says whether these stand alone.
    """
    # Of the hour, so that a screen is not told anew each minute that nothing has changed.
    valid = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) + LASTS
    slides = [*notices, *(its for its in around.slides if not alone and its.until > now)]
    return Playlist(place=place, name=around.name, alone=alone, valid_until=valid, slides=slides)


def offered(here: Sequence[Offer], nearby: Sequence[Offer], now: datetime) -> list[Slide]:
    """Return the slides of offers: those that are here, what is marked for screens first, then some that are near.

    Parameters
    ----------
    here, nearby
        What is on, in the order of the city's ranking.
    """
    first = sorted((its for its in here if not over(its, now)), key=lambda its: not _marked(its))[:MOST_OFFERS]
    known = {its.id for its in first}
    near = [its for its in nearby if its.id not in known and not over(its, now)]
    return [_offered(its, now) for its in (*first, *near[: min(MOST_NEARBY, MOST_OFFERS - len(first))])]


def _marked(offer: Offer) -> bool:
    return any(keyword.id == FOR_SCREENS for keyword in offer.keywords)


def notice(its: Campaign, offers: Mapping[str, Offer], now: datetime) -> Slide:
    """Return the slide of a campaign; `offers` are those that it names, by id."""
    draft = its.draft
    named = [offers[id_] for id_ in draft.message.offers if id_ in offers]
    texts = {}
    for language in draft.languages:
        said = Form.of(draft.message, language, SCREEN, named).fill(stop="", why="")
        texts[language] = Words(said.subject, said.text)
    return Slide(id=its.id, kind="notice", texts=texts, until=draft.schedule.ends or now + LASTS)


def _offered(offer: Offer, now: datetime) -> Slide:
    texts = {}
    for language in Language:
        # A name that is the same in two languages is said once.
        if getattr(offer.name, language) or language is offer.name.language_of(language):
            card = Card.of(offer, language)
            texts[str(language)] = Words(card.name, offer.summary.pick(language)[:160], card.where, card.price)
    starts, ends = _next(offer, now)
    until = ends or (now + LASTS if starts is None else starts + NO_END_MEANS)
    return Slide(
        id=offer.id, kind=offer.kind, texts=texts, until=until, starts=starts, ends=ends, ongoing=offer.ongoing,
    )  # fmt: skip


def _next(offer: Offer, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the start and the end of the next date, or of the one under way."""
    for date in offer.dates:
        if (date.ends or date.starts + NO_END_MEANS) > now:
            return date.starts, date.ends
    return offer.starts, offer.ends
