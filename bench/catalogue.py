"""Made-up offers to measure with: as many and as long as a large city's, in three languages, from a seed alone.

Sizes follow what Linked Events holds, though there few records are in all three languages: a name of 24 letters, a
summary of 120, about 5 keywords from a long-tailed vocabulary, several dates for one offer in four. Descriptions are
shorter than real ones: no figure depends on them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from engine.language import Localized
from engine.offers import Access, Image, Keyword, Kind, Licence, Occurrence, Offer, Place

_T = TypeVar("_T")
OFFERS = 50_000
KEYWORDS, PLACES, ORGANISERS = 4_000, 700, 300
_TEXTS = 3_000
"""Different names, summaries and descriptions: putting them together anew for each offer takes most of the time."""
_LETTERS = {"name": 24, "summary": 120, "description": 400}
_KINDS = {Kind.EVENT: 60, Kind.COURSE: 28, Kind.VOLUNTEERING: 5, Kind.SPACE: 7}
_LANGUAGES = {(): 30, ("fi",): 45, ("fi", "sv"): 8, ("sv",): 5, ("en",): 6, ("fi", "en"): 6}
_AGES = {(None, None): 45, (18, None): 15, (0, 6): 10, (7, 12): 12, (13, 17): 8, (65, None): 5, (0, 99): 5}
_ACCESS = {None: 60, (): 10, (Access.STEP_FREE,): 20, (Access.STEP_FREE, Access.ACCESSIBLE_TOILET): 10}
_DATES = {1: 75, 2: 8, 6: 9, 12: 8}
_SYLLABLES = {
    "fi": "ka la si to mi nen ta ri vuo pu he sin ki jar vi koi ru sa let tu oh jaa ja lii kun ta",
    "sv": "en for ning skol dag barn mu sik helg och stad kul tur verk sam het lek fritt bi blio tek",
    "en": "ing the out door fam ily con cert work shop dance read swim art mu sic club eve ning walk",
}


@dataclass(frozen=True)
class _Pools:
    """What offers are put together from."""

    texts: dict[str, list[Localized]]
    keywords: list[Keyword]
    weights: list[float]
    places: list[Place]


def offers(count: int, now: datetime, seed: int = 1) -> Iterator[Offer]:
    """Yield `count` offers that may be suggested at `now`; the same seed gives the same ones."""
    dice = random.Random(seed)  # noqa: S311 - the same offers at each run are the point
    pools = _pools(dice)
    for number in range(count):
        yield _offer(number, dice, pools, now)


def _pools(dice: random.Random) -> _Pools:
    words = {code: [_word(dice, syllables.split()) for _ in range(3_000)] for code, syllables in _SYLLABLES.items()}
    keywords = [Keyword(f"yso:p{n}", _text(dice, words, 7)) for n in range(KEYWORDS)]
    weights = [1 / (n + 8) for n in range(KEYWORDS)]
    texts = {name: [_text(dice, words, letters) for _ in range(_TEXTS)] for name, letters in _LETTERS.items()}
    return _Pools(texts, keywords, weights, [_place(n, dice, words) for n in range(PLACES)])


def _place(number: int, dice: random.Random, words: dict[str, list[str]]) -> Place:
    area = f"ocd-division/country:fi/kunta:helsinki/{{}}:area-{number % 60}"
    return Place(
        f"tprek:{number}",
        _text(dice, words, 22),
        _text(dice, words, 16),
        lat=round(60.12 + 0.16 * dice.random(), 6),
        lon=round(24.82 + 0.4 * dice.random(), 6),
        neighborhood=area.format("neighborhood"),
        district=area.format("district"),
    )


def _offer(number: int, dice: random.Random, pools: _Pools, now: datetime) -> Offer:
    kind, (youngest, oldest) = _one(dice, _KINDS), _one(dice, _AGES)
    dates = () if kind is Kind.SPACE else _dates(dice, now)
    seats = dice.randrange(1, 30) if kind is Kind.COURSE else None
    return Offer(
        id=f"bench:{number}",
        source="bench",
        kind=kind,
        name=dice.choice(pools.texts["name"]),
        summary=dice.choice(pools.texts["summary"]),
        description=dice.choice(pools.texts["description"]),
        keywords=tuple(dict.fromkeys(dice.choices(pools.keywords, pools.weights, k=dice.randint(3, 8)))),
        age_min=youngest,
        age_max=oldest,
        place=dice.choice(pools.places),
        starts=dates[0].starts if dates else None,
        ends=dates[-1].ends if dates else None,
        dates=dates,
        series=f"bench:series-{number}" if len(dates) > 1 else None,
        seats=seats and 30,
        seats_left=seats,
        free=_one(dice, {None: 40, True: 40, False: 20}),
        languages=_one(dice, _LANGUAGES),
        access=_one(dice, _ACCESS),
        image=Image(
            f"https://images.invalid/{number:08d}.jpg", Licence.CC_BY, Localized(fi=dice.choice(pools.texts["name"]).fi)
        ),
        organiser=f"organiser-{dice.randrange(ORGANISERS)}",
        link=Localized(fi=f"https://offers.invalid/fi/{number:08d}"),
        sources=(f"bench:{number}",),
        modified=now,
    )


def _dates(dice: random.Random, now: datetime) -> tuple[Occurrence, ...]:
    first = now.replace(minute=0, second=0, microsecond=0) + timedelta(
        days=int(dice.expovariate(1 / 30)) + 1, hours=dice.randrange(24)
    )
    starts = (first + timedelta(weeks=week) for week in range(_one(dice, _DATES)))
    return tuple(Occurrence(start, start + timedelta(hours=2)) for start in starts)


def _one(dice: random.Random, shares: dict[_T, int]) -> _T:
    return dice.choices(list(shares), list(shares.values()))[0]


def _word(dice: random.Random, syllables: list[str]) -> str:
    return "".join(dice.choices(syllables, k=dice.randint(2, 4)))


def _text(dice: random.Random, words: dict[str, list[str]], letters: int) -> Localized:
    texts = {code: " ".join(dice.choices(known, k=letters // 8 + 1)) for code, known in words.items()}
    return Localized(**texts)
