"""`vinkki train`: a model of offers, of what residents who allow it chose; published if nobody is served worse.

API processes take a published model by themselves (`api.model_feed`).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from api import wiring
from api.commands.parts import parts, say
from api.commands.trial import check_none_runs
from api.seal import Seal
from engine.counts import Counts
from engine.errors import Misconfigured
from engine.records.database import Database
from engine.records.learning import LearningRecords
from engine.records.offers import OfferRecords
from engine.records.uptakes import UptakeRecords
from engine.settings import Settings
from models.archive import Archive
from models.card import Card
from models.choices import Choices
from models.embedding import BundledE5
from models.impressions import Lists
from models.kept import FILE, Kept
from models.material import Material
from models.model import Model
from models.report import MAIN
from models.training import OURS, Outcome, train
from models.vocabulary import load, spoken_of

KEPT = 3
"""The exit code where a model was trained and not published."""
_TELLING = 100_000
Told = Callable[[str], None]


def run(settings: Settings, seed: int, *, on_trial: bool = False) -> None:
    """Train, judge and publish; exit with `KEPT` where the new model is worse for somebody.

    Parameters
    ----------
    on_trial
        Whether the current model stays, and a share of residents tries the new one beside it.

    Raises
    ------
    TooLittle
        There is too little to learn from; nothing is published.
    UnderWay
        Somebody else trains on this home, or a trial runs.
    Misconfigured, NotFound
        Nobody is to try a model, or there is none to try it against; the vocabulary cannot be read, or the embedding
        is not installed.
    """
    if on_trial and not settings.trial_share:
        raise Misconfigured("VINKKI_TRIAL_SHARE is 0, so nobody would try the model; set the share of residents.")
    began = time.monotonic()

    def told(sentence: str) -> None:
        say(f"{time.monotonic() - began:5.0f} s  {sentence}")

    archive = Archive(settings.home / wiring.MODELS)
    counts = Counts(Seal.of(settings).secret)

    def put_on_trial(model: Model, card: Card) -> str:
        return archive.put_on_trial(model, card, settings.trial_share, wiring.utc_now())

    with archive.training():
        check_none_runs(archive, wiring.utc_now())
        if on_trial:
            archive.tried_against()
        vocabulary = None if settings.labels is None else load(settings.labels)
        embedding = Kept(BundledE5(), settings.home / wiring.MODELS / FILE, told) if settings.embedding else None
        with parts(settings) as found:
            material = asyncio.run(_gathered(found, told))
        if vocabulary is not None:
            told(f"Finding which of {len(vocabulary):,} concepts the offers speak of")
            material = replace(material, concepts=spoken_of(vocabulary, material.items))
        if embedding is not None:
            material = replace(material, embedding=embedding)
        outcome = train(
            material,
            archive,
            now=wiring.utc_now(),
            seed=seed,
            disclosed=lambda count, words: counts.disclose(count, "training", words),
            told=told,
            publish=put_on_trial if on_trial else archive.publish,
        )
        if embedding is not None:
            embedding.keep()
    _tell(outcome, on_trial=on_trial)


def run_roll_back(settings: Settings) -> None:
    """Make the model before the current one current again.

    Raises
    ------
    NotFound, ModelRefused
        There is none that can be read.
    UnderWay
        Somebody trains on this home.
    """
    archive = Archive(settings.home / wiring.MODELS)
    with archive.training():
        say(f"Current is now {archive.roll_back()}.")


async def _gathered(settings: Settings, told: Told) -> Material:
    """Read what residents did who allow it, and the offers."""
    database, choices, told_at, read = Database(settings.database or "", 2), Choices(), 0, 0
    lists = Lists(choices.offers)
    try:
        await database.migrate()
        told("Reading the journal, as far as residents allow it to be learned from")
        async for deeds, shown in LearningRecords(database).chunks(wiring.utc_now):
            choices.add(*deeds)
            lists.add(shown.people, shown.times, shown.offers)
            read += len(deeds.people)
            if read - told_at >= _TELLING:
                told_at = read
                told(f"{read:,} acts")
        offers = OfferRecords(database)
        live = [offer async for _, _, offer in offers.since(0, wiring.utc_now()) if offer is not None]
        past, seats = await offers.remembered(list(choices.offers)), await UptakeRecords(database).history()
        return Material.of(choices, past, live, lists, seats)
    finally:
        await database.close()


def _tell(outcome: Outcome, *, on_trial: bool) -> None:
    found = outcome.report
    for name in found.runs:
        value, low, high = found.figures[name][MAIN]
        say(
            f"  {'this model' if name == OURS else name:<12} {MAIN.upper()} {value:.3f} (95 %: {low:.3f} to {high:.3f})"
        )
    if outcome.published is not None:
        say(f"{'On trial' if on_trial else 'Published'}: {outcome.published}. Its card tells the rest.")
        return
    reasons = "".join(f"  {reason}\n" for reason in outcome.worse)
    sys.stderr.write(
        f"vinkki: the new model is worse for somebody, so nothing was published and all stays as it was:\n{reasons}"
    )
    sys.exit(KEPT)
