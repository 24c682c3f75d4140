"""Counts of residents as they may be told: never of fewer than ten, never exact, and the same each time they are asked.

A count is raised by 0 to 9 and cut to a whole ten; what then is below 20 is not told at all. The raise is drawn by a
secret of the house from what is counted, so that asking again teaches nothing, and nobody outside can work it out.

What this protects against
    *Small groups*: ten or fewer are never told. *Differencing*: of two overlapping groups, told under two definitions,
    each has a raise of its own. One person more changes an answer for one raise in ten, at the lowest step as at every
    other, and whoever sees a change cannot tell that person from another raise.
What this protects against up to a bound
    *Averaging*: a group that can be described in many ways would be asked for in many ways. All definitions of one
    subject share `DRAWS` raises; so however many are asked, one person more changes none of the answers in at least
    ``1 - DRAWS / STEP`` of all cases.
What this does not protect against
    Somebody who can add people of their own making to a group, one by one, and see it grow. Whoever lets a group be
    changed that way must tell of it only when it is closed, as the visitors of a day are.
"""

import hmac

LEAST = 10
"""No group of so few, or fewer, is ever told."""
STEP = 10
DRAWS = 3
"""How many different raises the definitions of one subject share."""


class Counts:
    """Tells counts of residents.

    Parameters
    ----------
    secret
        The house's own; with another one every answer may differ.

    Examples
    --------
    >>> counts = Counts(b"a secret of the house")
    >>> counts.disclose(8, "visitors tprek:7254", "2026-11-21") is None
    True
    >>> counts.disclose(1_234, "visitors tprek:7254", "2026-11-21") in (1_230, 1_240)
    True
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"vinkki counts", "sha256")

    def disclose(self, count: int, subject: str, definition: str) -> int | None:
        """Return a count in whole tens, or None where the group is small.

        Parameters
        ----------
        count
            How many different residents there are; it must not leave the house otherwise.
        subject
            What is told of: a kind of count and its place, campaign or the like.
        definition
            Exactly who of the subject is counted, such as on which day; the same words for the same group.
        """
        draw = self._number("draw", subject, definition) % DRAWS
        raised = count + self._number("raise", subject, str(draw)) % STEP
        return raised // STEP * STEP if raised >= LEAST + STEP else None

    def _number(self, *words: str) -> int:
        """Return a number that is drawn from the words, each with its length so that no two lists are alike."""
        message = "".join(f"{len(word)}:{word}" for word in words).encode()
        return int.from_bytes(hmac.digest(self._secret, message, "sha256")[:8], "big")
