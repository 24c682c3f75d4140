"""Sessions that ended before their tokens do, known by keyed hashes that name nobody."""

from datetime import datetime, timedelta

import msgspec

KEPT = timedelta(hours=24)
"""How long an end is remembered. No token is taken that is older, so none outlives the memory of its end."""


class Logout(msgspec.Struct, frozen=True):
    """The end of a session, or of all sessions of somebody.

    Attributes
    ----------
    token
        The hash of the id of the token that told it, so that no token tells it twice.
    marks
        Hashes that tokens are recognised by: one that bears any of them is over.
    issued
        When it was told, in seconds since 1970: tokens from before are over, later ones are another session's.
    until
        From when on no such token would be taken anyway.
    """

    token: bytes
    marks: tuple[bytes, ...]
    issued: float
    until: datetime
