"""Small made-up collections in which it is known who likes what: each person likes one of some topics."""

import numpy as np

from models.content import Content
from models.context import Setting
from models.item import Item
from models.lessons import Past
from models.matrix import DAY, Interactions
from models.text import TextSpace

TOPICS = ("swimming", "jazz", "chess", "gardening")
NOW = 1_700_000_000.0


def world(people=80, weeks=40, seed=0, *, timed=True, limited=False):
    """Return a past in which an event of each topic is held each week and people choose mostly those of their topic.

    With `limited`, seats are so at chess.
    """
    rng = np.random.default_rng(seed)
    items = [
        Item(
            id=f"{topic}-{week}",
            title={"en": f"{topic} evening {week}"},
            tags=(f"t:{topic}",),
            organiser=f"club {n}",
            venue=f"hall {n % 2}",
            lat=60.17 + n / 50,
            lon=24.94,
            starts=(starts := NOW - (weeks - week) * 7 * DAY + n * DAY / 4),
            seats=_filling(starts) if limited and topic == "chess" else (),
        )
        for week in range(weeks + 4)
        for n, topic in enumerate(TOPICS)
    ]
    rows = []
    for person in range(people):
        for number, item in enumerate(items):
            liked = number % len(TOPICS) == person % len(TOPICS)
            if item.starts < NOW and rng.random() < (0.3 if liked else 0.02):
                rows.append((person, number, item.starts - rng.uniform(1, 20) * DAY))
    who, what, when = zip(*rows, strict=True)
    interactions = Interactions.of(who, what, when if timed else None)
    return items, interactions


def _filling(starts):
    return (starts - 40 * DAY, 30), (starts - 14 * DAY, 8), (starts - 4 * DAY, 1)


def past(items, interactions, people):
    content = Content.of(TextSpace.fit(items).transform(items))
    return Past(interactions, people, content, Setting.of(items))


def ahead(items):
    return np.array([n for n, item in enumerate(items) if item.starts >= NOW], np.int32)
