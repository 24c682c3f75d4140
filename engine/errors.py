"""What can go wrong, as a tree. No HTTP numbers here: `api.errors` holds the one table to problem responses.

::

    VinkkiError
    ├── Misconfigured            a setting is missing or unsafe
    ├── InvalidInput             what came in cannot be used; names the field
    │   ├── UnknownNotice        a consent names a wording that is not in force
    │   └── WrongCode            an address is not confirmed by this code
    ├── Outdated                 somebody else has changed it meanwhile
    ├── NotFound                 no such offer, purpose or resident
    │   └── Erased               the resident was erased meanwhile
    ├── ConsentRequired          the resident has not allowed this use
    ├── NotYours                 it is nobody whose guardian one is
    ├── NotForMinors             it is not done to people under 18
    ├── LastGuardian             a child would be left without a guardian
    ├── ModelRefused             a trained model is damaged, or of another version
    ├── TooLittle                there is too little to learn from, or to judge by
    ├── TooFew                   so small a group is not meant by anything
    ├── UnderWay                 somebody else is at it already
    ├── Over                     the offer is over or full
    ├── NotOffered               this house is not set up for it
    ├── TooOften                 it was asked for too often; come back later
    └── Unavailable              a part is away; nothing was accepted
        ├── StoreUnavailable     PostgreSQL or Redis does not answer
        ├── NoSender             nothing here can send a code to an address
        └── BrokerUnavailable    Kafka does not acknowledge
"""

from datetime import timedelta
from math import ceil


class VinkkiError(Exception):
    """Something Vinkki can explain.

    Parameters
    ----------
    detail
        One sentence for a person: what happened and what to do.
    field
        The input field it is about, as a path such as ``events.3.time``, where there is one.
    """

    code = "error"

    def __init__(self, detail: str | None = None, *, field: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").split("\n")[0]
        self.field = field
        super().__init__(self.detail)


class Misconfigured(VinkkiError):
    """A setting is missing or unsafe; set the variable that the message names."""

    code = "misconfigured"


class InvalidInput(VinkkiError):
    """What came in cannot be used; correct the field that is named and send it again."""

    code = "invalid_input"


class UnknownNotice(InvalidInput):
    """The notice version is not the one in force; read /v1/purposes and ask the resident again."""

    code = "unknown_notice"


class WrongCode(InvalidInput):
    """The code does not hold: it is another one, too old or tried too often; check it, or ask for a new one."""

    code = "wrong_code"


class Outdated(VinkkiError):
    """Somebody has changed it meanwhile; read it anew, and send its `ETag` as `If-Match`."""

    code = "outdated"


class NotFound(VinkkiError):
    """There is no such thing here; check the id."""

    code = "not_found"


class Erased(NotFound):
    """The resident was erased a moment ago, and nothing was recorded; who decides again begins anew."""

    code = "erased"


class ConsentRequired(VinkkiError):
    """The resident has not allowed this use; ask for the consent that is named first."""

    code = "consent_required"


class NotYours(VinkkiError):
    """You are not that person's guardian, or they decide for themselves; use the id of a child of your own."""

    code = "not_yours"


class NotForMinors(VinkkiError):
    """Nobody under 18 gets marketing or is a guardian, whoever allows it; come back when they are 18."""

    code = "not_for_minors"


class LastGuardian(VinkkiError):
    """A child under 13 needs a guardian; invite another one first, or erase the child's data."""

    code = "last_guardian"


class ModelRefused(VinkkiError):
    """The trained model cannot be used; train anew, or go back: vinkki train --roll-back."""

    code = "model_refused"


class TooLittle(VinkkiError):
    """There is too little to learn from; train again when residents have done more."""

    code = "too_little"


class TooFew(VinkkiError):
    """The audience has so few people that nothing may be aimed at it; choose a wider one."""

    code = "too_few"


class UnderWay(VinkkiError):
    """Somebody else is at it already; wait until that is done."""

    code = "under_way"


class Over(VinkkiError):
    """The offer is over, full, cancelled or closed for enrolment; choose one that can still be taken up."""

    code = "over"


class NotOffered(VinkkiError):
    """Nothing is set up here that could do it; to repeat it does not help."""

    code = "not_offered"


class TooOften(VinkkiError):
    """It was asked for too often; come back later."""

    code = "too_often"

    def __init__(self, *, retry_after: timedelta) -> None:
        self.retry_after = max(1, ceil(retry_after.total_seconds()))
        """How many seconds to wait."""
        super().__init__(f"It was asked for too often; come back in {self.retry_after} seconds.")


class Unavailable(VinkkiError):
    """A part of the service is away and nothing was accepted; repeat with the same ids in a moment."""

    code = "unavailable"


class StoreUnavailable(Unavailable):
    """The store does not answer; repeat in a moment."""

    code = "store_unavailable"


class NoSender(Unavailable):
    """A code cannot be sent to that address now, and nothing was kept; repeat later."""

    code = "no_sender"


class BrokerUnavailable(Unavailable):
    """The event log does not acknowledge, so nothing was accepted; repeat with the same event ids in a moment."""

    code = "broker_unavailable"
