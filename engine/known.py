"""What may be used of a resident for one answer: each permit is asked for when it is needed, and opens its own part."""

from datetime import date, datetime
from functools import cache
from typing import NamedTuple, Protocol

from engine.consent import Consents, Permit, Purpose
from engine.residents import Interests
from engine.telemetry import WITHOUT_PERMIT

# A counter is found by its labels at the cost of a dozen reads of a dictionary: once for each is enough.
without_permit = cache(WITHOUT_PERMIT.labels)


class SealedState(Protocol):
    """One resident's online state, opened by permits (`engine.sealed.Sealed`)."""

    consents: Consents | None

    def packed_taste(self, permit: Permit) -> bytes | None:
        """Return the taste, packed."""

    def interests(self, permit: Permit) -> Interests | None:
        """Return what the resident told."""


class Known(NamedTuple):
    """What may be used of a resident for one answer."""

    taste: bytes | None
    interests: Interests
    located: bool
    record: Permit | None = None
    """Leave to keep what was shown: for measurement, else for learning."""
    off: frozenset[str] = frozenset()
    """The families of reasons that are turned off."""
    born: date | None = None
    """The birth date of a dependant: what is known to be for other ages is left out, whatever else may be used."""


NOTHING = Known(None, Interests(), located=False)
"""Of somebody of whom nothing may be used."""


def known(sealed: SealedState, consents: Consents, now: datetime) -> Known:
    """Ask for each permit, and open what it opens."""
    activity = permit(consents, Purpose.ACTIVITY, now)
    interests = permit(consents, Purpose.INTERESTS, now)
    return Known(
        taste=None if activity is None else sealed.packed_taste(activity),
        interests=(interests and sealed.interests(interests)) or Interests(),
        located=permit(consents, Purpose.LOCATION, now) is not None,
        record=permit(consents, Purpose.MEASUREMENT, now) or permit(consents, Purpose.LEARNING, now),
        off=consents.off,
        born=consents.born,
    )


def permit(consents: Consents, purpose: Purpose, now: datetime) -> Permit | None:
    """Return leave for a purpose; that there is none is counted."""
    answer = consents.permit(purpose, now)
    if isinstance(answer, Permit):
        return answer
    without_permit(purpose, answer.reason).inc()
    return None
