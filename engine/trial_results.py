"""What came of a trial, as staff may be told: whether more of what one of two models suggests is taken up.

An answer counts when it is seven days old: by then it is known whether the resident opened, saved or registered for one
of the offers that it showed. Counted are residents who allow it at the moment of reading, each for the model that they
are drawn for. Shares are of a hundred residents a group at least, and rounded; nothing is told of one resident.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from engine.comparison import ANY, OPENED, REGISTERED, SAVED, Difference, Followed, Sums, difference
from engine.counts import LEAST as AT_LEAST
from engine.counts import Counts
from engine.events import AwareTime
from engine.language import Localized
from engine.trial import Trial

WINDOW = timedelta(days=7)
"""How long after an answer what is done counts as taken up."""
LEAST = 100
"""Of fewer residents in a group no share is told: it would say much of few, and its interval could not be trusted."""
ALIKE = 0.01
"""A difference of less than one in a hundred answers is none that matters."""
_DIGITS = 3


class Verdict(StrEnum):
    """What can be said by now."""

    TOO_EARLY = "too_early"
    TOO_LITTLE = "too_little"
    BETTER = "better"
    WORSE = "worse"
    ALIKE = "alike"


SAYS = {
    Verdict.TOO_EARLY: Localized(
        "Liian aikaista: ryhmissä on vielä liian vähän asukkaita, joiden vastauksista on kulunut seitsemän päivää.",
        "För tidigt: i grupperna finns ännu för få invånare vars svar är sju dagar gamla.",
        "Too early: there are too few residents yet whose answers are seven days old.",
    ),
    Verdict.TOO_LITTLE: Localized(
        "Liian vähän tietoa: ero voi vielä olla kumpaan suuntaan tahansa.",
        "För lite att säga något: skillnaden kan ännu vara åt vilket håll som helst.",
        "Too little to tell: the difference may still be either way.",
    ),
    Verdict.BETTER: Localized(
        "Kokeiltavan mallin vinkeistä on enemmän hyötyä.",
        "Tipsen från modellen på prov är till större nytta.",
        "More of what the model on trial suggests is taken up.",
    ),
    Verdict.WORSE: Localized(
        "Kokeiltavan mallin vinkeistä on vähemmän hyötyä.",
        "Tipsen från modellen på prov är till mindre nytta.",
        "Less of what the model on trial suggests is taken up.",
    ),
    Verdict.ALIKE: Localized(
        "Malleilla ei ole eroa, jolla olisi merkitystä.",
        "Det finns ingen skillnad mellan modellerna som spelar någon roll.",
        "There is no difference between the models that matters.",
    ),
}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The residents of one model: how many, how many answers they were shown, and shares of these; None while few."""

    model: str
    residents: int | None
    impressions: int | None = None
    opened: float | None = None
    saved: float | None = None
    registered: float | None = None
    uptake: float | None = None


class Between(msgspec.Struct, frozen=True):
    """A difference of shares, and the interval that holds it with 95 % however often one looks."""

    value: float
    low: float
    high: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a trial."""

    running: bool
    began: AwareTime
    until: AwareTime
    share: float
    counted_until: AwareTime
    current: Group
    on_trial: Group
    difference: Between | None
    verdict: Verdict
    says: Localized
    at_least: int = AT_LEAST


class TrialRecords(Protocol):
    """Where it is read what came of what was shown (`engine.records.trials.TrialRecords`)."""

    def chunks(self, trial: Trial, until: datetime, clock: Callable[[], datetime]) -> AsyncIterator[Followed]:
        """Yield what came of answers before `until`."""


async def results(
    trial: Trial, records: TrialRecords, counts: Counts, clock: Callable[[], datetime], *, running: bool
) -> Results:
    """Return what came of a trial by now.

    Raises
    ------
    StoreUnavailable
        PostgreSQL does not answer.
    """
    # By whole days, so that who asks again the same day hears the same.
    today = clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    until, current, on_trial = min(trial.until(), today - WINDOW), Sums(), Sums()
    if until > trial.began:
        async for its in records.chunks(trial, until, clock):
            current = current.plus(its.shown[~its.on_trial], its.kinds[~its.on_trial])
            on_trial = on_trial.plus(its.shown[its.on_trial], its.kinds[its.on_trial])
    enough = min(current.residents, on_trial.residents) >= LEAST
    found = difference(current, on_trial) if enough else None
    verdict = judged(found)

    def group(model: str, its: Sums) -> Group:
        told = counts.disclose(its.residents, f"trial {trial.name}", f"{model} until {until.isoformat()}")
        return _group(model, told, its) if enough else Group(model=model, residents=told)

    return Results(
        running=running,
        began=trial.began,
        until=trial.until(),
        share=trial.share,
        counted_until=max(until, trial.began),
        current=group(trial.against, current),
        on_trial=group(trial.name, on_trial),
        difference=None if found is None else Between(*(round(part, _DIGITS) for part in found)),
        verdict=verdict,
        says=SAYS[verdict],
    )


def judged(found: Difference | None) -> Verdict:
    """Return what can be said of a difference; of none, that it is too early."""
    if found is None:
        return Verdict.TOO_EARLY
    if found.low > 0 or found.high < 0:
        return Verdict.BETTER if found.low > 0 else Verdict.WORSE
    return Verdict.ALIKE if max(-found.low, found.high) < ALIKE else Verdict.TOO_LITTLE


def _group(model: str, residents: int | None, its: Sums) -> Group:
    shares = [round(share, _DIGITS) for share in its.shares()]
    return Group(
        model=model,
        residents=residents,
        impressions=int(its.shown) // 100 * 100,
        opened=shares[OPENED],
        saved=shares[SAVED],
        registered=shares[REGISTERED],
        uptake=shares[ANY],
    )
