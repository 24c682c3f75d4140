"""What is known of a resident, in people's words and for that resident's own eyes: where it came from, what can go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from babel import Locale

from api import my_data_words as words
from api.pages.texts import texts
from engine.addresses import Address
from engine.catalogue import Catalogue
from engine.consent import SERVICE, Permit, Purpose, declared
from engine.districts import Divisions
from engine.events import AwareTime, Pseudonym
from engine.language import Language, Localized
from engine.ledger import ConsentLedger
from engine.offers import Offer
from engine.online import Online
from engine.reasons import KINDS
from engine.records.offers import OfferRecords
from engine.records.personal import Deed, Listed, Personal, PersonalRecords, Shown, Told
from engine.residents import Interests, told
from engine.sayings import name_of
from engine.taste import features, key

MOST_ACTS, MOST_SHOWN, NAMED = 200, 50, 3
_LOCALES = {Language.FI: "fi", Language.SV: "sv_FI", Language.EN: "en_GB"}


class Thing(msgspec.Struct, frozen=True):
    """One thing that is known; `remove` says whether it can be removed by itself."""

    id: str
    text: str
    detail: str | None = None
    time: AwareTime | None = None
    remove: bool = False


class Section(msgspec.Struct, frozen=True):
    """Things of one kind, and where they came from; `empty` says so where there are none."""

    id: str
    title: str
    source: str
    purpose: Purpose | None
    items: Sequence[Thing]
    empty: str | None = None


class MyData(msgspec.Struct, frozen=True):
    """All of it."""

    generated_at: AwareTime
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class DataView:
    """Puts what is known of a resident into words."""

    personal: PersonalRecords
    offers: OfferRecords
    online: Online
    ledger: ConsentLedger
    catalogue: Catalogue
    divisions: Divisions

    async def of(
        self, person: UUID, resident: Pseudonym | None, language: Language, now: datetime
    ) -> tuple[MyData, Personal]:
        """Return what is known of a person, and the rows it was made of."""
        held = await self.personal.of(person) or Personal([], Interests(), [], [])
        offers = await self.offers.remembered([*{deed.offer for deed in held.deeds}])
        named = {offer.id: offer.name.pick(language) for offer in offers.values()}
        named |= {deed.offer: deed.name for deed in held.deeds if deed.name and not named.get(deed.offer)}
        shown = held.shown[-MOST_SHOWN:][::-1]
        ids = {id_ for one in shown for id_ in one.offers[:NAMED]}
        named |= {o.id: o.name.pick(language) for o in (await self.offers.remembered([*ids - set(named)])).values()}
        sections = (
            _section("taste", Purpose.ACTIVITY, await self._taste(resident, offers, language, now), language),
            _section("activity", Purpose.ACTIVITY, [_act(d, named, language) for d in _latest(held.deeds)], language),
            _section("interests", Purpose.INTERESTS, self._interests(held.interests, language), language),
            _section("addresses", None, _reached(held, language), language),
            _section("shown", Purpose.MEASUREMENT, [_shown(one, named, language) for one in shown], language),
            _section("followed", Purpose.MEASUREMENT, [*_followed(held)], language),
            _section("audiences", None, [_listed(n, one, language) for n, one in enumerate(held.lists)], language),
            _section("messages", None, [_message(n, one, language) for n, one in _sent(held)], language),
        )
        return MyData(now, sections), held

    async def _taste(
        self, resident: Pseudonym | None, offers: Mapping[str, Offer], language: Language, now: datetime
    ) -> list[Thing]:
        """Return what is liked, strongest first, by its names; and what is disliked not at all."""
        if resident is None:
            return []
        (sealed,) = await self.online.sealed_many([resident])
        # For the resident's own eyes a pause does not matter.
        consents = (await self.ledger.consents(resident)).resumed()
        permit = consents.permit(Purpose.ACTIVITY, now)
        taste = sealed.taste(permit) if isinstance(permit, Permit) else None
        if taste is None:
            return []
        located = isinstance(consents.permit(Purpose.LOCATION, now), Permit)
        keys, weights = taste.weights(now, located=located)
        names = _features(offers.values())
        strongest = sorted(zip(weights.tolist(), keys.tolist(), strict=True), reverse=True)
        found = [names[hashed] for weight, hashed in strongest if weight > 0 and hashed in names]
        said = ((feature, name_of(feature, label, self.divisions, language)) for feature, label in found)
        return [
            Thing(feature, text, words.FEATURES[feature.partition(":")[0]].pick(language), remove=True)
            for feature, text in said
            if text
        ]

    def _interests(self, interests: Interests, language: Language) -> list[Thing]:
        return [self._interest(name, interests, language) for name in told(interests)]

    def _interest(self, name: str, interests: Interests, language: Language) -> Thing:
        family, _, value = name.partition(":")
        said = words.FEATURES
        if family == "avoided":
            family, _, value = value.partition(":")
            said = words.AVOIDED
        detail = said[family].pick(language)
        return Thing(name, self._told(family, value, interests, language), detail, remove=True)

    def _told(self, family: str, value: str, interests: Interests, language: Language) -> str:
        match family:
            case "keyword" | "place":
                vocabulary = self.catalogue.vocabulary
                return vocabulary.labels[vocabulary.slot(key(f"{family}:{value}"))].pick(language) or value
            case "kind":
                return KINDS[value][language]
            case "district":
                return self.divisions.name_of(value, language)
            case "language":
                return str(Locale.parse(_LOCALES[language]).languages.get(value, value))
            case "access":
                return str(texts(language)[f"access_{value}"])
        return str(interests.birth_year)


def _section(id_: str, purpose: Purpose | None, items: Sequence[Thing], language: Language) -> Section:
    title, source, empty = (said[id_].pick(language) for said in (words.TITLES, words.SOURCES, words.EMPTY))
    return Section(id_, title, source, purpose, items, None if items else empty)


def _address(held: Address, language: Language) -> Thing:
    confirmed, waiting = words.MEANS[held.means]
    said = waiting if held.confirmed is None else confirmed
    return Thing(held.means, held.address, said.pick(language), held.confirmed)


def _listed(number: int, its: Listed, language: Language) -> Thing:
    text = f"{its.name} ({its.department}): {its.purpose}"
    return Thing(f"list-{number}", text, words.until(its.until, language), its.added)


def _reached(held: Personal, language: Language) -> list[Thing]:
    """Return addresses, and browsers by the host of their push service: the rest of an endpoint is a secret."""
    browsers = (
        Thing(one.id[:12], urlsplit(one.endpoint).hostname or "", words.BROWSER.pick(language), one.given)
        for one in held.browsers
    )
    return [*(_address(one, language) for one in held.addresses), *browsers]


def _latest(deeds: Sequence[Deed]) -> Sequence[Deed]:
    return deeds[-MOST_ACTS:][::-1]


def _sent(held: Personal) -> Iterable[tuple[int, Told]]:
    """Return the latest messages, the newest first, under numbers that stay the same as others come."""
    return reversed(list(enumerate(held.messages))[-MOST_SHOWN:])


def _message(number: int, sent: Told, language: Language) -> Thing:
    service = sent.purpose == SERVICE
    title = (words.SERVICE if service else declared().declaration(sent.purpose).notice.title).pick(language)
    text = f"{title}: {sent.subject}" if sent.subject else title
    return Thing(f"message-{number}", text, words.DELIVERIES[sent.state].pick(language), sent.time)


def _followed(held: Personal) -> Iterable[Thing]:
    """Return the latest links that were followed, the newest first."""
    for number, one in list(enumerate(held.followed))[-MOST_SHOWN:][::-1]:
        yield Thing(f"followed-{number}", one.link, None, one.time)


def _act(deed: Deed, named: Mapping[str, str], language: Language) -> Thing:
    text = f"{words.ACTS[deed.type].pick(language)}: {named.get(deed.offer) or words.gone(language)}"
    return Thing(deed.id, text, None if deed.value is None else f"{deed.value}/5", deed.time, remove=True)


def _shown(shown: Shown, named: Mapping[str, str], language: Language) -> Thing:
    names = [name for id_ in shown.offers[:NAMED] if (name := named.get(id_))]
    rest = len(shown.offers) - len(names)
    told = ", ".join(names or [words.gone(language)])
    text = f"{told} {words.more(rest, language)}" if names and rest else told
    return Thing(shown.time.isoformat(), text, words.BASES[shown.basis].pick(language), shown.time)


def _features(offers: Iterable[Offer]) -> dict[int, tuple[str, Localized]]:
    """Return the names of all features of some offers by their hashes, and what the offers call them."""
    found: dict[int, tuple[str, Localized]] = {}
    for offer in offers:
        labels = {f"keyword:{one.id}": one.label for one in offer.keywords}
        labels |= {f"audience:{one.id}": one.label for one in offer.audience}
        if offer.place is not None:
            labels[f"place:{offer.place.id}"] = offer.place.name
        found |= {key(name): (name, labels.get(name, Localized())) for name in features(offer)}
    return found
