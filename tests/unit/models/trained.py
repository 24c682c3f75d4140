"""A small trained model and its card, made once for all tests that only look at it."""

from datetime import UTC, date, datetime
from functools import cache

import numpy as np

from models.card import Card, Counted, Judged, versions
from models.content import Content
from models.context import Setting
from models.embedding import MeaningSpace
from models.lessons import Past
from models.model import Model
from models.projection import Projection
from models.recommender import Recommender
from models.text import TextSpace
from tests.unit.models.worlds import NOW, ahead, world

PEOPLE = 83
"""A number that no array of a model about offers has for a reason of its own."""
LEAST = 5
MOMENT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@cache
def learned(*, limited=False, embedding=None):
    """Return the offers, the past, the fitted recommender, and the model that is made of it."""
    items, interactions = world(people=PEOPLE, weeks=24, limited=limited)
    text, setting = TextSpace.fit(items), Setting.of(items)
    meaning = MeaningSpace.fit(items, embedding, text.concepts) if embedding else None
    meant = meaning.transform(items) if meaning else None
    content = Content.of(text.transform(items), {its.name: its.members for its in setting.attributes}, meant)
    past = Past(interactions, PEOPLE, content, setting, least=LEAST)
    recommender = Recommender.fit(past, NOW, ahead(items))
    model = Model.of(recommender, items, text, Projection.of(content, meant), meaning)
    return items, interactions, recommender, model


def card(**changes):
    """A card of nothing in particular."""
    given = {
        "made_at": MOMENT,
        "since": date(2026, 1, 1),
        "horizon_days": 28.0,
        "least": LEAST,
        "seed": 0,
        "counted": Counted(80, 1_000, 100, 16),
        "judged": Judged(since=MOMENT, figures={}, above={}, slices={}, too_few=(), exposure={}, running=None),
        "features": ("new",),
        "versions": versions(),
    }
    return Card(**(given | changes))


def ranked(recommender, candidates):
    return {person: best.tolist() for person, best in recommender.rank(np.arange(PEOPLE), candidates)}
