"""Catalogues and questions of every sort, for hypothesis. All times are whole minutes, as the columns keep them.

Hypothesis draws a size and a seed, and the rest follows from the seed: to draw forty offers by field takes seconds.
"""

from datetime import timedelta
from random import Random

from hypothesis import strategies as st

from engine.offers import Access, Kind, Occurrence, Offer, Status
from engine.query import Query
from tests.factories import NOW, offer, place

LANGUAGES = ("fi", "sv", "en", "so")
PLACES = [
    place("oodi", lat=60.174, lon=24.938),
    place("itis", lat=60.21, lon=25.08, neighborhood=None),
    place("unknown", lat=None, lon=None),
]


def _some(random: Random, values, most: int = 3) -> tuple:
    return tuple(random.sample(list(values), random.randint(0, min(most, len(values)))))


def _offer(random: Random, id_: str) -> Offer:
    pick = random.choice
    starts = NOW + timedelta(minutes=random.randint(-3 * 1440, 40 * 1440))
    lasts = pick([1, 60, 120, 3 * 1440])
    changes = {
        "keywords": " ".join(_some(random, "abcde")),
        "kind": pick([Kind.EVENT, Kind.COURSE, Kind.VOLUNTEERING]),
        "starts": starts,
        "ends": pick([None, starts + timedelta(minutes=lasts)]),
        "ongoing": random.random() < 0.2,
        "place": pick([None, *PLACES]),
        "city_wide": random.random() < 0.1,
        "online": random.random() < 0.1,
        "age_min": pick([None, 0, 7, 18]),
        "age_max": pick([None, 6, 12, 120]),
        "free": pick([None, True, False]),
        "languages": _some(random, LANGUAGES),
        "access": pick([None, _some(random, Access)]),
        "seats_left": pick([None, None, None, 0, 3]),
        "status": pick([Status.SCHEDULED] * 5 + list(Status)),
        "enrolment_closes": pick([None, None, None, starts, NOW]),
        "series": pick([None, "s1", "s2"]),
    }
    if random.random() < 0.5:
        days = sorted(random.sample(range(30), random.randint(1, 5)))
        dates = [Occurrence(starts + timedelta(days=d), starts + timedelta(days=d, minutes=lasts)) for d in days]
        changes |= {"dates": tuple(dates), "starts": dates[0].starts, "ends": dates[-1].ends}
    if random.random() < 0.1:
        changes |= {"kind": Kind.SPACE, "starts": None, "ends": None, "dates": (), "enrolment_closes": None}
    return offer(id_, **changes)


def _query(random: Random) -> Query:
    pick = random.choice
    near = pick([None, (60.18, 24.95)])
    return Query(
        limit=pick([1, 3, 100]),
        kinds=_some(random, Kind) if random.random() < 0.3 else (),
        near=near,
        radius_metres=pick([None, 1_500.0, 9_000.0]) if near else None,
        starts_from=pick([None, None, NOW - timedelta(days=1), NOW + timedelta(days=3)]),
        until=pick([None, None, NOW + timedelta(days=4), NOW + timedelta(days=20)]),
        free=random.random() < 0.2,
        languages=_some(random, LANGUAGES, 2) if random.random() < 0.4 else (),
        age=pick([None, None, None, 0, 6, 10, 40]),
        access=_some(random, Access, 2) if random.random() < 0.3 else (),
    )


_seeds = st.integers(0, 2**32 - 1)


def _catalogue(size: int, seed: int) -> dict[str, Offer]:
    random = Random(seed)
    return {f"test:{n}": _offer(random, f"test:{n}") for n in range(size)}


def catalogues(most: int = 40) -> st.SearchStrategy[dict[str, Offer]]:
    return st.builds(_catalogue, st.integers(0, most), _seeds)


def queries() -> st.SearchStrategy[Query]:
    return st.builds(lambda seed: _query(Random(seed)), _seeds)
