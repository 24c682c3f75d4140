"""Why an offer is suggested, in plain Finnish, Swedish and English, from what really moved its place in the list.

`engine.contributions` tells what contributed most, `say` puts it into words. Labels of keywords and names of places
stand as they are, in the nominative, behind a colon or a dash, so that no sentence needs an inflected form of them.

=================  ====================================================================================================
code               said when
=================  ====================================================================================================
interested_topic   behaviour taught weight to one of the offer's keywords (a decayed sum: no single act is claimed)
interested_group   the same, of its audience
interested_place   the same, of its place
interested_area    the same, of its neighbourhood or district
interested_kind    the same, of its kind
interested_time    the same, of the time of the week
interested_by      the same, of its organiser
interested_like    a model finds it much like what the resident chose, though they share no word
interested_alike   a model finds that residents who chose the same go on to choose it; of five or more of them
stated_topic       the resident told of this keyword
stated_area        the resident told of this neighbourhood or district
stated_kind        the resident told of this kind
same_topic         similar offers: shares this keyword with the offer that was asked about
same_place         similar offers: is at the same place
same_area          similar offers: is in the same neighbourhood or district
same_by            similar offers: has the same organiser
same_kind          similar offers: is of the same kind
near               at most 3 km from the point in the request
popular            at least 10 different residents took it up lately, and it is among the more popular
soon               it starts within three days
free               free offers were asked for, and it is one
last_seats         at most 5 seats are left
enrolment_closing  enrolment ends within three days
enrolment_opened   enrolment began within the last seven days
highlighted        a rule of the city's pins or boosts it: always said, and first
given_room         it belongs to those that the city lets be shown no less than a floor: always said
new                it is tried because few have seen it yet: always said
when_and_where     nothing above: its date and place
=================  ====================================================================================================
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_skeleton
from babel.numbers import format_decimal

from engine.choices import FAMILIES
from engine.language import Language

HELSINKI = ZoneInfo("Europe/Helsinki")
MOST_REASONS = 3
_LOCALES = {Language.FI: "fi", Language.SV: "sv_FI", Language.EN: "en_GB"}


class Code(StrEnum):
    """What a reason is about; the module's table says when each is given."""

    INTERESTED_TOPIC = "interested_topic"
    INTERESTED_GROUP = "interested_group"
    INTERESTED_PLACE = "interested_place"
    INTERESTED_AREA = "interested_area"
    INTERESTED_KIND = "interested_kind"
    INTERESTED_TIME = "interested_time"
    INTERESTED_BY = "interested_by"
    INTERESTED_LIKE = "interested_like"
    INTERESTED_ALIKE = "interested_alike"
    STATED_TOPIC = "stated_topic"
    STATED_AREA = "stated_area"
    STATED_KIND = "stated_kind"
    SAME_TOPIC = "same_topic"
    SAME_PLACE = "same_place"
    SAME_AREA = "same_area"
    SAME_BY = "same_by"
    SAME_KIND = "same_kind"
    NEAR = "near"
    POPULAR = "popular"
    SOON = "soon"
    FREE = "free"
    LAST_SEATS = "last_seats"
    ENROLMENT_CLOSING = "enrolment_closing"
    ENROLMENT_OPENED = "enrolment_opened"
    HIGHLIGHTED = "highlighted"
    GIVEN_ROOM = "given_room"
    NEW = "new"
    WHEN_AND_WHERE = "when_and_where"


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of why; `off` is the family (`engine.choices`) that a resident turns off not to be told so any more."""

    code: Code
    text: str
    off: str | None = None


_FAMILY_OF = {"by": "organiser", "like": "topic"} | {family: family for family in FAMILIES}
OFF: Mapping[Code, str] = {
    code: _FAMILY_OF[about]
    for code in Code
    for source, _, about in (code.rpartition("_"),)
    if source in ("interested", "stated", "") and about in _FAMILY_OF
}
"""The family that a reason is of, where it can be turned off."""

_Texts = Mapping[Language, str]


def _texts(fi: str, sv: str, en: str) -> _Texts:
    return {Language.FI: fi, Language.SV: sv, Language.EN: en}


_SENTENCES: Mapping[Code, _Texts] = {
    Code.INTERESTED_TOPIC: _texts(
        "Koska olet ollut kiinnostunut aiheesta: {}",
        "Eftersom du har varit intresserad av ämnet: {}",
        "Because you have been interested in the topic: {}",
    ),
    Code.INTERESTED_GROUP: _texts(
        "Koska olet ollut kiinnostunut tarjonnasta, jonka kohderyhmä on: {}",
        "Eftersom du har varit intresserad av utbud för målgruppen: {}",
        "Because you have been interested in what is on for: {}",
    ),
    Code.INTERESTED_PLACE: _texts(
        "Koska olet ollut kiinnostunut paikasta: {}",
        "Eftersom du har varit intresserad av platsen: {}",
        "Because you have been interested in the place: {}",
    ),
    Code.INTERESTED_AREA: _texts(
        "Koska olet ollut kiinnostunut alueesta: {}",
        "Eftersom du har varit intresserad av området: {}",
        "Because you have been interested in the area: {}",
    ),
    Code.INTERESTED_KIND: _texts(
        "Koska sinua ovat kiinnostaneet {}",
        "Eftersom du har varit intresserad av {}",
        "Because you have been interested in {}",
    ),
    Code.INTERESTED_TIME: _texts(
        "Koska sinua on kiinnostanut ajankohta: {}",
        "Eftersom du har varit intresserad av tidpunkten: {}",
        "Because you have been interested in this time: {}",
    ),
    Code.INTERESTED_BY: _texts(
        "Koska olet ollut kiinnostunut järjestäjästä: {}",
        "Eftersom du har varit intresserad av arrangören: {}",
        "Because you have been interested in the organiser: {}",
    ),
    Code.INTERESTED_LIKE: _texts(
        "Muistuttaa sitä, mitä olet valinnut{}", "Liknar det som du har valt{}", "Much like what you have chosen{}"
    ),
    Code.INTERESTED_ALIKE: _texts(
        "Samoja asioita valinneet ovat valinneet myös tämän{}",
        "De som valt samma saker har även valt detta{}",
        "Others who chose the same have chosen this too{}",
    ),
    Code.STATED_TOPIC: _texts(
        "Koska kerroit kiinnostuksestasi: {}",
        "Eftersom du har berättat om ditt intresse: {}",
        "Because you told us of your interest: {}",
    ),
    Code.STATED_AREA: _texts(
        "Alueella, jonka valitsit: {}", "I ett område som du valt: {}", "In an area you chose: {}"
    ),
    Code.STATED_KIND: _texts("Koska valitsit: {}", "Eftersom du valt: {}", "Because you chose: {}"),
    Code.SAME_TOPIC: _texts("Sama aihe: {}", "Samma ämne: {}", "Same topic: {}"),
    Code.SAME_PLACE: _texts("Sama paikka: {}", "Samma plats: {}", "Same place: {}"),
    Code.SAME_AREA: _texts("Sama alue: {}", "Samma område: {}", "Same area: {}"),
    Code.SAME_BY: _texts("Sama järjestäjä: {}", "Samma arrangör: {}", "Same organiser: {}"),
    Code.SAME_KIND: _texts("Myös näitä: {}", "Även bland: {}", "Also among: {}"),
    Code.NEAR: _texts("Lähellä: noin {}", "I närheten: cirka {}", "Nearby: about {}"),
    Code.POPULAR: _texts("Suosittua viime aikoina{}", "Populärt på sistone{}", "Popular lately{}"),
    Code.SOON: _texts("Pian: {}", "Snart: {}", "Soon: {}"),
    Code.FREE: _texts("Maksuton{}", "Avgiftsfritt{}", "Free of charge{}"),
    Code.LAST_SEATS: _texts("Paikkoja jäljellä: {}", "Platser kvar: {}", "Places left: {}"),
    Code.ENROLMENT_CLOSING: _texts("Ilmoittautuminen päättyy: {}", "Anmälan stänger: {}", "Enrolment closes: {}"),
    Code.ENROLMENT_OPENED: _texts("Ilmoittautuminen avautui: {}", "Anmälan öppnade: {}", "Enrolment opened: {}"),
    Code.HIGHLIGHTED: _texts(
        "Kaupunki nostaa tämän esiin{}", "Staden lyfter fram detta{}", "The city highlights this{}"
    ),
    Code.GIVEN_ROOM: _texts(
        "Kaupunki haluaa, että tämäkin löytyy{}",
        "Staden vill att också detta hittas{}",
        "The city wants this to be found too{}",
    ),
    Code.NEW: _texts(
        "Uutta: vielä harva on nähnyt tämän{}",
        "Nytt: få har sett detta än{}",
        "New: few have seen this yet{}",
    ),
    Code.WHEN_AND_WHERE: _texts("{}", "{}", "{}"),
}

KINDS: Mapping[str, _Texts] = {
    "event": _texts("tapahtumat", "evenemang", "events"),
    "course": _texts("kurssit", "kurser", "courses"),
    "volunteering": _texts("vapaaehtoistehtävät", "frivilliguppdrag", "volunteer tasks"),
    "space": _texts("tilat", "lokaler", "spaces"),
}
"""Kinds in the plural, by `engine.offers.Kind`."""

TIMES: Mapping[str, _Texts] = {
    "weekday-morning": _texts("arkiaamu", "vardagsmorgon", "weekday mornings"),
    "weekday-afternoon": _texts("arki-iltapäivä", "vardagseftermiddag", "weekday afternoons"),
    "weekday-evening": _texts("arki-ilta", "vardagskväll", "weekday evenings"),
    "weekend-morning": _texts("viikonloppuaamu", "helgmorgon", "weekend mornings"),
    "weekend-afternoon": _texts("viikonlopun iltapäivä", "helgeftermiddag", "weekend afternoons"),
    "weekend-evening": _texts("viikonloppuilta", "helgkväll", "weekend evenings"),
}
"""Parts of the week, by the names that `engine.taste.features` gives them."""

_DAYS: Mapping[int, _Texts] = {
    -1: _texts("eilen", "i går", "yesterday"),
    0: _texts("tänään", "i dag", "today"),
    1: _texts("huomenna", "i morgon", "tomorrow"),
}
_CLOCK = _texts("{} klo {}", "{} kl. {}", "{} at {}")
_NOW = _texts("tarjolla nyt", "tillgängligt nu", "available now")


@lru_cache(maxsize=1 << 13)
def say(code: Code, about: str, language: Language) -> Reason:
    """Put a reason into words; `about` fills the sentence's gap.

    Examples
    --------
    >>> say(Code.INTERESTED_TOPIC, "uinti", Language.FI).text
    'Koska olet ollut kiinnostunut aiheesta: uinti'
    """
    text = _SENTENCES[code][language].replace("{}", about, 1)
    return Reason(code, text[:1].upper() + text[1:], OFF.get(code))


def local(minute: int) -> datetime:
    """Return a minute since 1970 as Helsinki's clocks show it."""
    return datetime.fromtimestamp(minute * 60, HELSINKI)


@lru_cache(maxsize=1 << 13)
def when(minute: int, today: date, language: Language) -> str:
    """Say a moment, in minutes since 1970, as people do: ``tänään klo 17``, ``ti 24.11. klo 17.30``.

    Examples
    --------
    >>> when(29_925_570, date(2026, 11, 22), Language.FI)
    'ti 24.11. klo 17.30'
    """
    moment = local(minute)
    minutes = f".{moment:%M}" if moment.minute else ""
    clock = f"{moment:%H:%M}" if language is Language.EN else f"{moment.hour}{minutes}"
    return _CLOCK[language].format(day(moment.date(), today, language), clock)


@lru_cache(maxsize=1 << 11)
def day(which: date, today: date, language: Language) -> str:
    """Say a day: ``tänään``, ``huomenna``, ``ti 24.11.``; with the year where that is not this year's or next month's.

    Examples
    --------
    >>> day(date(2027, 11, 24), date(2026, 11, 22), Language.EN)
    'Wed, 24 Nov 2027'
    """
    distance = (which - today).days
    if distance in _DAYS:
        return _DAYS[distance][language]
    # English names the month, since 4/12 is read in two ways.
    month = "MMM" if language is Language.EN else "M"
    year = "y" if abs(distance) >= 300 else ""  # noqa: PLR2004 - days; no date is taken for last year's
    return str(format_skeleton(f"{year}{month}Ed", which, locale=_LOCALES[language]))


def distance(metres: float, language: Language) -> str:
    """Say a distance: ``350 m``, ``1,2 km``.

    Examples
    --------
    >>> distance(1240, Language.SV), distance(347, Language.EN)
    ('1,2 km', '350 m')
    """
    if metres < 975:  # noqa: PLR2004 - what is rounded to a kilometre is said as one
        return f"{max(50, round(metres / 50) * 50)} m"
    return f"{format_decimal(round(metres / 1_000, 1), locale=_LOCALES[language])} km"


def when_and_where(start: str | None, place: str, language: Language) -> str:
    """Say date and place; what is there on any day is there now."""
    parts = [start or _NOW[language], place]
    return " – ".join(part for part in parts if part)  # noqa: RUF001 - a dash, as texts have it
