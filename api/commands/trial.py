"""`vinkki train --promote | --end-trial | --results`: what becomes of a model on trial (`engine.trial`)."""

import asyncio
from datetime import datetime

from api import wiring
from api.commands.parts import parts, say
from api.seal import Seal
from api.trials import Trials
from engine.counts import Counts
from engine.errors import ModelRefused, UnderWay
from engine.records.database import Database
from engine.records.trials import TrialRecords
from engine.settings import Settings
from engine.trial import Lots
from engine.trial_results import Group, Results
from models.archive import Archive


def run_promote(settings: Settings) -> None:
    """Make the model on trial the current one.

    Raises
    ------
    NotFound, ModelRefused
        No trial runs, or its model cannot be read.
    UnderWay
        Somebody trains on this home.
    """
    archive = Archive(settings.home / wiring.MODELS)
    with archive.training():
        say(f"Current is now {archive.promote(wiring.utc_now())}; the trial is over.")


def run_end(settings: Settings) -> None:
    """End the trial: the current model answers everybody.

    Raises
    ------
    NotFound, ModelRefused
        No trial runs, or it cannot be told which.
    UnderWay
        Somebody trains on this home.
    """
    archive = Archive(settings.home / wiring.MODELS)
    with archive.training():
        say(f"{archive.end_trial(wiring.utc_now())} is no longer on trial; {archive.names()[0]} answers everybody.")


def run_results(settings: Settings) -> None:
    """Print what came of the trial that runs, or ran last.

    Raises
    ------
    NotFound
        There has been none.
    """
    with parts(settings) as found:
        told = asyncio.run(_results(found))
    say(table(told))


def check_none_runs(archive: Archive, now: datetime) -> None:
    """See that no trial would be spoilt by another model.

    Raises
    ------
    UnderWay
        A trial runs.
    """
    try:
        trial = archive.running(now)
    except ModelRefused as error:
        say(error.detail)
        return
    if trial is not None:
        raise UnderWay(
            f"{trial.name} is on trial until {trial.until():%Y-%m-%d}, and both models stay as they are meanwhile; "
            "first end the trial with --promote or --end-trial."
        )


def table(told: Results) -> str:
    """Return results as lines for a terminal."""
    state = f"runs until {told.until:%Y-%m-%d}" if told.running else "is over"
    began = f"The trial began {told.began:%Y-%m-%d} with {told.share:.1%} of residents and {state}"
    lines = [
        f"{began}; counted are answers until {told.counted_until:%Y-%m-%d}.",
        f"{'':<34}{'residents':>10}{'answers':>10}{'opened':>9}{'saved':>9}{'registered':>12}{'uptake':>9}",
        _line("current ", told.current),
        _line("on trial", told.on_trial),
    ]
    if told.difference is not None:
        its = told.difference
        lines.append(
            f"Difference of uptake: {its.value:+.1%} (95 %, whenever one looks: {its.low:+.1%} to {its.high:+.1%})"
        )
    return "\n".join([*lines, str(told.says.en)])


def _line(name: str, its: Group) -> str:
    counts = ["few" if its.residents is None else f"{its.residents:,}"]
    counts.append("-" if its.impressions is None else f"{its.impressions:,}")
    shares = ["-" if share is None else f"{share:.1%}" for share in (its.opened, its.saved, its.registered, its.uptake)]
    widths = (10, 10, 9, 9, 12, 9)
    return f"{name} {its.model:<25}" + "".join(
        f"{text:>{width}}" for text, width in zip([*counts, *shares], widths, strict=True)
    )


async def _results(settings: Settings) -> Results:
    database, secret = Database(settings.database or "", 2), Seal.of(settings).secret
    try:
        await database.migrate()
        records = TrialRecords(database, Lots(secret))
        return await Trials(settings.home / wiring.MODELS, records, Counts(secret), wiring.utc_now).results()
    finally:
        await database.close()
