"""Training: fit to the past, judge by what came after, and publish where nobody is served worse.

What is judged is the model in the form that is published, so that what publishing leaves out (rare offers, weak
weights) counts. The last horizon is held out for that; what is published is then fitted to all that is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from engine.errors import ModelRefused, TooLittle
from models.archive import Archive
from models.artefact import Artefact
from models.card import Card, Counted, Disclosed, Judged, judged, versions
from models.content import Content
from models.context import Setting
from models.embedding import MeaningSpace
from models.exposure import share
from models.guard import POPULAR, worse
from models.item import Item
from models.lessons import Past
from models.material import LEAST_CHOOSERS, Material
from models.matrix import DAY, Interactions
from models.model import Model
from models.projection import Projection
from models.recommender import Recommender
from models.report import Report, report
from models.runs import Lists
from models.splits import Numbers, Split
from models.text import MOST_KEPT, TextSpace
from models.trial import popular

OURS, RUNNING = "this", "running"
Told = Callable[[str], None]
Publish = Callable[[Model, Card], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training.

    Attributes
    ----------
    published
        The new model's name; None where it is kept from serving.
    worse
        In words, where it is significantly worse.
    """

    published: str | None
    report: Report
    worse: Sequence[str] = ()


def train(  # noqa: PLR0913 - what is learned from, where it goes, when, and who hears of it
    material: Material,
    archive: Archive,
    *,
    now: datetime,
    seed: int,
    disclosed: Disclosed,
    told: Told,
    publish: Publish | None = None,
) -> Outcome:
    """Train on some material and publish the model, or keep the one that runs. Call it within `Archive.training`.

    Parameters
    ----------
    now
        What was done later must not be in the material.
    disclosed
        Tells a count of residents as it may be told.
    told
        Hears how far it is.
    publish
        Takes the model, and returns its name; otherwise the archive publishes it as the current one.

    Raises
    ------
    TooLittle
        There is too little to learn from, or to judge by; nothing is published.
    """
    material.check()
    split = material.split()
    more = " and mean" if material.embedding else ""
    told(f"Reading what {len(material.items):,} offers say{more}")
    school = _School.of(material, seed)
    told(f"Learning from all but the last {material.horizon / DAY:.1f} days")
    model = school.made(split.folds[0].starts, split.folds[0].candidates).model
    told("Judging it by what was chosen since")
    trial = suggested(model, split)
    found, running = _tried(model, trial.lists, split, _running(archive, told))
    told(f"Exposure is shared out with strength {trial.sharing:.2f}")
    if reasons := worse(found):
        return Outcome(None, found, reasons)
    told("Learning from everything")
    latest = school.made(now.timestamp(), material.live)
    verdict = judged(found, _moment(split.folds[0].starts), running, disclosed)
    card = _card(material, latest, verdict, trial.sharing, now, seed, disclosed)
    return Outcome((publish or archive.publish)(latest.model, card), found)


def untried(material: Material, now: datetime, seed: int) -> Model:
    """Return the model that everything teaches, judged by nobody.

    Raises
    ------
    TooLittle
        There is too little to learn from.
    """
    return _School.of(material, seed).made(now.timestamp(), material.live).model


def _tried(model: Model, lists: Lists, split: Split, running: Artefact | None) -> tuple[Report, str | None]:
    """Return how a model's lists do beside what is popular and the running one's, and as what that was compared."""
    runs = {OURS: lists, POPULAR: popular(split)}
    if running is None:
        return report(split, runs), None
    compared, its = _rival(running, model, split)
    return report(split, runs | {RUNNING: its}), compared


class _Made(NamedTuple):
    """A model, and how many lists that were shown it learned from."""

    model: Model
    lists: int


@dataclass(frozen=True, slots=True)
class _School:
    """The past, and what is needed to make a model of any moment of it."""

    past: Past
    items: Sequence[Item]
    text: TextSpace
    meaning: MeaningSpace | None
    projection: Projection

    @classmethod
    def of(cls, material: Material, seed: int) -> "_School":
        items, setting = material.items, Setting.of(material.items)
        text, told = TextSpace.fit_transform(items, MOST_KEPT, material.concepts)
        embedding = material.embedding
        meaning = MeaningSpace.fit(items, embedding, text.concepts) if embedding else None
        meant = meaning.transform(items) if meaning else None
        facets = {attribute.name: attribute.members for attribute in setting.attributes}
        content = Content.of(told, facets, meant, seed)
        chosen, people, shown = material.chosen, material.people, material.shown
        past = Past(chosen, people, content, setting, material.horizon, seed, LEAST_CHOOSERS, shown)
        return cls(past, items, text, meaning, Projection.of(content, meant))

    def made(self, at: float, candidates: Numbers) -> _Made:
        recommender = Recommender.fit(self.past, at, candidates)
        if recommender.blend is None:
            raise TooLittle(
                "No moment of the past teaches yet what was chosen and what was passed over; nothing was published."
            )
        model = Model.of(recommender, self.items, self.text, self.projection, self.meaning)
        return _Made(model, recommender.lists)


class Suggested(NamedTuple):
    """Lists that share exposure as evenly as is wanted, and how strongly they had to."""

    lists: Lists
    sharing: float


def suggested(model: Model, split: Split) -> Suggested:
    """Return what a model suggests on a split of one fold, whose offers it need not know."""
    fold, wider = split.folds[0], model.knowing(split.items)
    numbers = {item.id: number for number, item in enumerate(wider.items)}
    inside = np.array([numbers[item.id] for item in split.items], np.int32)
    outside = np.full(len(wider.items), -1, np.int32)
    outside[inside] = np.arange(len(inside))
    history = split.history(fold)
    before = Interactions(history.people, inside[history.offers], history.times, history.weights)
    recommender = wider.facing(before, len(split.people), fold.starts)
    ranked = recommender.ranked(fold.people.astype(np.intp), inside[fold.candidates])
    shared = share(list(ranked), len(fold.candidates))
    return Suggested({(fold.number, one.person): outside[one.offers] for one in shared.ranked}, shared.strength)


def _running(archive: Archive, told: Told) -> Artefact | None:
    try:
        return archive.current()
    except ModelRefused as error:
        told(f"The running model cannot be compared with: {error.detail}")
        return None


def _rival(running: Artefact, model: Model, split: Split) -> tuple[str, Lists]:
    """Return what the running model suggests on a split, and how it was compared with.

    One that learned from what is held out would win by knowing it. Of such a one the re-ranker alone is compared,
    over the rankers of the model on trial: the two trainings then differ in what they have learned to believe.
    """
    if running.card.made_at.timestamp() <= split.folds[0].starts:
        return f"{running.name}, as it is", suggested(running.model, split).lists
    return f"{running.name}, its re-ranker", suggested(replace(model, blend=running.model.blend), split).lists


def _card(  # noqa: PLR0913 - a card tells of all of these
    material: Material, made: _Made, verdict: Judged, sharing: float, now: datetime, seed: int, disclosed: Disclosed
) -> Card:
    return Card(
        made_at=now,
        since=_moment(material.begins).date(),
        horizon_days=round(material.horizon / DAY, 3),
        least=LEAST_CHOOSERS,
        seed=seed,
        counted=Counted(
            residents=disclosed(material.people, f"learned from until {now.isoformat()}"),
            choices=len(material.chosen) // 10 * 10,
            offers=len(material.items),
            live=len(material.live),
            lists=made.lists // 10 * 10,
        ),
        judged=verdict,
        features=made.model.blend.names,
        versions=versions(),
        position_power=round(material.shown.power, 3) if material.shown is not None and made.lists else None,
        sharing=round(sharing, 4),
        embedding=material.embedding.name if material.embedding else None,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
