"""What can go wrong with campaigns besides what `engine.errors` knows; `api.errors` says with which HTTP status."""

from campaigns.fault import Fault
from engine.errors import InvalidInput, VinkkiError


class Unfit(InvalidInput):
    """The campaign cannot be used as it stands; mend each place that is named.

    Parameters
    ----------
    faults
        What is wrong, and where.
    """

    code = "unfit_campaign"

    def __init__(self, faults: "list[Fault]") -> None:
        first = faults[0]
        super().__init__(str(first) if len(faults) == 1 else None, field=first.where)
        self.faults = tuple(faults)


class IllegalMove(VinkkiError):
    """The state that it is in does not allow that; read it, and see what is possible."""

    code = "illegal_move"


class RoleNeeded(VinkkiError):
    """Your groups give you no such role in this department; ask an administrator of the department."""

    code = "role_needed"


class SecondPersonNeeded(VinkkiError):
    """Whoever wrote or last changed a campaign cannot approve it; ask a colleague to."""

    code = "second_person_needed"
