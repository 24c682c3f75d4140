"""A model on trial beside the current one: which residents get its suggestions, for how long, and that it is fair.

Who gets them is drawn by a secret of the house from the trial and the resident: the same each time, in every process,
and written down nowhere; another trial draws anew. Drawn are residents of whom it may be kept what they were shown: of
others nobody could tell what came of it, and they stay with the current model.
"""

import hmac
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from engine.events import AwareTime, Pseudonym

MOST_SHARE = 0.5
LASTS = timedelta(days=42)
"""A trial that nobody ends is over by itself: both of its models grow old meanwhile."""
_DRAWN_BITS = 53


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two published models, compared in serving. Its name is that of the model on trial: there is never another.

    Attributes
    ----------
    against
        The model that is current, and stays so while the trial runs.
    share
        The share of residents who get suggestions of the model on trial.
    ended
        When it was ended, or what was on trial was made the current model; None before.
    """

    name: str
    against: str
    began: AwareTime
    share: Annotated[float, msgspec.Meta(gt=0, le=MOST_SHARE)]
    ended: AwareTime | None = None

    def until(self) -> datetime:
        """Return when it ended, or will end by itself."""
        over = self.began + LASTS
        return over if self.ended is None else min(self.ended, over)

    def runs(self, current: str | None, now: datetime) -> bool:
        """Say whether residents get its suggestions, where this is the current model."""
        return current == self.against and now < self.until()


class Lots:
    """Draws who takes part in a trial.

    Parameters
    ----------
    secret
        The house's own; with another one others are drawn.

    Examples
    --------
    >>> from datetime import UTC
    >>> trial = Trial("new", "old", datetime(2026, 11, 22, tzinfo=UTC), share=0.5)
    >>> lots = Lots(b"a secret of the house")
    >>> drawn = [lots.drawn(trial, f"resident {n}") for n in range(1_000)]
    >>> 450 < sum(drawn) < 550
    True
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"vinkki trials", "sha256")

    def drawn(self, trial: Trial, resident: Pseudonym) -> bool:
        """Say whether a resident gets suggestions of the model on trial."""
        message = f"{len(trial.name)}:{trial.name}{resident}".encode()
        number = int.from_bytes(hmac.digest(self._secret, message, "sha256")[:8], "big") >> (64 - _DRAWN_BITS)
        return number < trial.share * (1 << _DRAWN_BITS)
