"""What messages say to whom: the approved words, in a resident's own language, with offers picked for them.

What is personal is asked for with the permits of that moment: the language and the picks come from what a resident told
or did only while they allow it; without, it is Finnish, and what is popular.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from campaigns.campaign import Campaign, CampaignKind
from campaigns.cards import Card
from campaigns.channels import Rendered as Filled
from campaigns.departments import Department
from campaigns.measured_links import MeasuredLinks
from campaigns.message import Fallback, Form, Picks, Rendered
from campaigns.run import Plan
from campaigns.stop import StopLinks
from campaigns.wording import WORDS
from engine.consent import Consents, Permit, Purpose
from engine.errors import NotFound
from engine.events import Pseudonym
from engine.known import SealedState
from engine.language import Language
from engine.offers import Offer
from engine.query import Query
from engine.suggestion import Suggester

DEFAULT = "fi"
_MOST_FORMS = 200
_FRESH, _MOST_CARDS = timedelta(minutes=1), 20_000
Clock = Callable[[], datetime]


class Campaigns(Protocol):
    """Where campaigns lie (`campaigns.records.documents`)."""

    async def get(self, id_: str) -> Campaign | None:
        """Return one, or None."""


class Departments(Protocol):
    """Where departments lie."""

    async def get(self, id_: str) -> Department | None:
        """Return one, or None."""


class Offers(Protocol):
    """Where offers lie (`engine.records.offers`)."""

    async def many(self, ids: Sequence[str]) -> dict[str, Offer]:
        """Return those of the ids that there are."""


class OnlineState(Protocol):
    """Where residents' state is fetched (`engine.online`)."""

    async def sealed_many(self, residents: Sequence[Pseudonym]) -> Sequence[SealedState]:
        """Fetch the state of several residents in one round trip, in the order given."""


class Ledger(Protocol):
    """What knows consents that the online state does not hold (`engine.ledger`)."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""


class Suggesting:
    """A suggester over a catalogue that is loaded when it is first asked: most workers never need one.

    Parameters
    ----------
    suggester, offers
        What picks, and where the picked offers lie.
    open_
        Loads the catalogue.
    """

    def __init__(self, suggester: Suggester, offers: Offers, open_: Callable[[], Awaitable[None]]) -> None:
        self._suggester = suggester
        self._offers = offers
        self._open = open_
        self._ready = False
        self._cards: dict[tuple[str, str], Card] = {}
        self._fresh_until: datetime | None = None

    async def pick(
        self, residents: Sequence[Pseudonym], asked: Picks, language: str, now: datetime
    ) -> list[list[Card] | None]:
        """Return for each resident the cards of what is picked, best first; None where they are to get no message."""
        if not self._ready:
            await self._open()
            self._ready = True
        spoken = Language(language) if language in list(Language) else Language.EN
        query = Query(language=spoken, limit=asked.n, kinds=asked.kinds, scenario=asked.scenario)
        answers = await self._suggester.picks(residents, query, now)
        known = await self._known({pick.offer for _, picks in answers for pick in picks}, language, now)
        cards: list[list[Card] | None] = []
        for basis, picks in answers:
            if basis == "popular" and asked.fallback is not Fallback.POPULAR:
                cards.append(None if asked.fallback is Fallback.SKIP else [])
                continue
            cards.append(
                [msgspec.structs.replace(known[its.offer], why=its.why) for its in picks if its.offer in known]
            )
        return cards

    async def _known(self, ids: Collection[str], language: str, now: datetime) -> Mapping[str, Card]:
        """Return how offers are shown; what was read is used for a minute."""
        if self._fresh_until is None or now >= self._fresh_until or len(self._cards) > _MOST_CARDS:
            self._cards, self._fresh_until = {}, now + _FRESH
        if new := [id_ for id_ in ids if (id_, language) not in self._cards]:
            found = await self._offers.many(sorted(new))
            self._cards |= {(id_, language): Card.of(offer, language) for id_, offer in found.items()}
        return {id_: card for id_ in ids if (card := self._cards.get((id_, language))) is not None}


class HouseSpeech:
    """Says what campaigns say (`campaigns.neighbours.Speech`).

    Parameters
    ----------
    campaigns, departments, offers
        Where the words are.
    online, ledger
        Where residents' languages come from.
    links, measured_links, suggesting
        What makes stop links and links that are counted, and what picks offers.
    preferences
        Where residents choose their messages; what cannot be stopped leads there.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        campaigns: Campaigns,
        departments: Departments,
        offers: Offers,
        online: OnlineState,
        ledger: Ledger,
        links: StopLinks,
        measured_links: MeasuredLinks,
        suggesting: Suggesting,
        clock: Clock,
        preferences: str = "",
    ) -> None:
        self._campaigns = campaigns
        self._departments = departments
        self._offers = offers
        self._online = online
        self._ledger = ledger
        self._links = links
        self._measured_links = measured_links
        self._suggesting = suggesting
        self._clock = clock
        self._forms: OrderedDict[tuple[str, str, str], Form] = OrderedDict()
        self._preferences = preferences
        self._known: OrderedDict[str, Campaign] = OrderedDict()

    async def form(self, plan: Plan, language: str, channel: str) -> Form:
        """Return the approved message in a language; what runs cannot be edited, so each is made once for a run.

        Raises
        ------
        NotFound
            The campaign is gone.
        """
        return await self._form(plan.id, await self._campaign(plan), language, channel, plan.offers)

    async def said(
        self, campaign: Campaign, resident: Pseudonym, language: str | None, channel: str, data: Mapping[str, str]
    ) -> tuple[str, Rendered]:
        """Return a message that a service has asked for, filled in, and its language (`campaigns.service_messages`).

        Raises
        ------
        KeyError
            The message has a name that `data` has not.
        """
        if language is None:
            (state,) = await self._online.sealed_many([resident])
            codes = await self._told(resident, state)
            language = next((code for code in codes if code in campaign.draft.message.texts), DEFAULT)
        form = await self._form(f"{campaign.id}/{campaign.version}", campaign, language, channel)
        stop = f"{self._preferences}?lang={language if language in list(Language) else Language.EN}"
        return language, form.fill(stop=stop, why=WORDS[language].service, data=data)

    async def languages(self, plan: Plan, permits: Sequence[Permit]) -> Sequence[str]:
        """Return the first language that each resident has told and the message has; where none is known, Finnish."""
        texts = (await self._campaign(plan)).draft.message.texts
        states = await self._online.sealed_many([permit.resident for permit in permits])
        pairs = zip(permits, states, strict=True)
        told = [await self._told(permit.resident, state) for permit, state in pairs]
        return [next((code for code in codes if code in texts), DEFAULT) for codes in told]

    def stop(self, resident: Pseudonym, plan: Plan, channel: str, now: datetime, language: str) -> str:
        """Return the link that ends these messages; its page speaks the message's language."""
        spoken = Language(language) if language in list(Language) else Language.EN
        return self._links.link(resident, plan.topic, channel, plan.campaign, now, spoken)

    def measured(self, rendered: Filled, message: str) -> Filled:
        """Return a message whose links outwards are counted; the plain text keeps them as they are."""
        if rendered.html is None:
            return rendered
        html = self._measured_links.measure(rendered.html, message)
        return Rendered(rendered.subject, rendered.text, html)

    async def picks(
        self, plan: Plan, permits: Sequence[Permit], language: str
    ) -> Sequence[Sequence[Card] | None] | None:
        """Return each resident's own picks; None where the message has no place for any."""
        asked = (await self._campaign(plan)).draft.message.picks
        if asked is None:
            return None
        return await self._suggesting.pick([permit.resident for permit in permits], asked, language, self._clock())

    async def _told(self, resident: Pseudonym, state: SealedState) -> Sequence[str]:
        consents = state.consents or await self._ledger.consents(resident)
        permit = consents.permit(Purpose.INTERESTS, self._clock())
        told = state.interests(permit) if isinstance(permit, Permit) else None
        return () if told is None else told.languages

    async def _form(
        self, name: str, campaign: Campaign, language: str, channel: str, offers: Sequence[str] = ()
    ) -> Form:
        key = (name, language, channel)
        if (form := self._forms.get(key)) is None:
            form = self._forms[key] = await self._made(campaign, language, channel, offers)
            if len(self._forms) > _MOST_FORMS:
                self._forms.popitem(last=False)
        return form

    async def _made(self, campaign: Campaign, language: str, channel: str, offers: Sequence[str]) -> Form:
        draft, message = campaign.draft, campaign.draft.message
        ids = tuple(dict.fromkeys((*offers, *message.offers)))
        known = await self._offers.many(ids)
        shown = [known[id_] for id_ in ids if id_ in known]
        department = await self._departments.get(draft.department)
        names: Mapping[str, str] = {} if department is None else department.draft.names
        sender, service = names.get(language) or names.get(DEFAULT), draft.kind is CampaignKind.TRANSACTIONAL
        return Form.of(message, language, channel, shown, sender, service=service)

    async def _campaign(self, plan: Plan) -> Campaign:
        """Return the campaign of a run as it was when the run was first met; its draft does not change any more."""
        if (known := self._known.get(plan.id)) is None:
            if (known := await self._campaigns.get(plan.campaign)) is None:
                raise NotFound("There is no campaign of this run any more.", field="campaign")
            self._known[plan.id] = known
            if len(self._known) > _MOST_FORMS:
                self._known.popitem(last=False)
        return known
