"""What an infoscreen shows: of a place and a moment, never of a person.

Campaigns for screens come first, the most urgent before the others; then what is on at the place, then what is near.
A slide says until when it holds, so that a screen without a network drops what is over.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    """A place, and what is on there and near it, in the order of the city's ranking."""

    name: Localized = Localized()
    here: Sequence[Offer] = ()
    nearby: Sequence[Offer] = ()


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


def playlist(
    place: str, shown: Sequence[Campaign], around: Around, offers: Mapping[str, Offer], now: datetime
) -> Playlist:
    """Return what a place's screens show.

    Parameters
    ----------
    shown
        What `at` returned.
    offers
        Those that the campaigns name, by id.
    """
    # Of the hour, so that a screen is not told anew each minute that nothing has changed.
    last = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) + LASTS
    alone = any(its.draft.alone for its in shown)
    slides = [_notice(its, offers, last) for its in shown]
    if not alone:
        slides += [_offered(offer, now, last) for offer in _chosen(around, now)]
    return Playlist(place=place, name=around.name, alone=alone, valid_until=last, slides=slides)


def _chosen(around: Around, now: datetime) -> Iterator[Offer]:
    here = sorted((its for its in around.here if not over(its, now)), key=lambda its: not _marked(its))[:MOST_OFFERS]
    yield from here
    known = {its.id for its in here}
    near = [its for its in around.nearby if its.id not in known and not over(its, now)]
    yield from near[: min(MOST_NEARBY, MOST_OFFERS - len(here))]


def _marked(offer: Offer) -> bool:
    return any(keyword.id == FOR_SCREENS for keyword in offer.keywords)


def _notice(its: Campaign, offers: Mapping[str, Offer], last: datetime) -> Slide:
    draft = its.draft
    named = [offers[id_] for id_ in draft.message.offers if id_ in offers]
    texts = {}
    for language in draft.languages:
        said = Form.of(draft.message, language, SCREEN, named).fill(stop="", why="")
        texts[language] = Words(said.subject, said.text)
    return Slide(id=its.id, kind="notice", texts=texts, until=min(last, draft.schedule.ends or last))


def _offered(offer: Offer, now: datetime, last: datetime) -> Slide:
    texts = {}
    for language in Language:
        # A name that is the same in two languages is said once.
        if getattr(offer.name, language) or language is offer.name.language_of(language):
            card = Card.of(offer, language)
            texts[str(language)] = Words(card.name, offer.summary.pick(language)[:160], card.where, card.price)
    starts, ends = _next(offer, now)
    until = ends or (last if starts is None else starts + NO_END_MEANS)
    return Slide(
        id=offer.id, kind=offer.kind, texts=texts, until=min(last, until), starts=starts, ends=ends,
        ongoing=offer.ongoing,
    )  # fmt: skip


def _next(offer: Offer, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the start and the end of the next date, or of the one under way."""
    for date in offer.dates:
        if (date.ends or date.starts + NO_END_MEANS) > now:
            return date.starts, date.ends
    return offer.starts, offer.ends
