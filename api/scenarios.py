"""What a scenario asks for where the caller leaves it open, as far as that is beyond doubt."""

from datetime import datetime, time, timedelta

import msgspec

from api.parameters import HELSINKI
from engine.errors import InvalidInput
from engine.offers import Kind
from engine.query import Query
from engine.scenario import Scenario

_SATURDAY = 5
DESCRIPTION = (
    "Where the answer is shown: the city's rules are set for each. `this_weekend` asks for Saturday and Sunday unless "
    "`from` or `to` is given, `near_me` needs `near`, `course_search` asks for courses unless `kind` is given"
)


def completed(query: Query, now: datetime) -> Query:
    """Return the query with what its scenario asks for.

    Raises
    ------
    InvalidInput
        The scenario needs something that only the caller can tell.
    """
    match query.scenario:
        case Scenario.THIS_WEEKEND if query.starts_from is None and query.until is None:
            starts, ends = weekend(now)
            return msgspec.structs.replace(query, starts_from=starts, until=ends)
        case Scenario.NEAR_ME if query.near is None:
            raise InvalidInput("Near whom? Give `near` as latitude,longitude with this scenario.", field="near")
        case Scenario.COURSE_SEARCH if not query.kinds:
            return msgspec.structs.replace(query, kinds=(Kind.COURSE,))
    return query


def weekend(now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end, in Helsinki, of the weekend of now or else of the next one."""
    today = now.astimezone(HELSINKI).date()
    saturday = today - timedelta(days=today.weekday()) + timedelta(days=_SATURDAY)
    starts, ends = (datetime.combine(saturday + timedelta(days=days), time.min, HELSINKI) for days in (0, 2))
    return starts, ends
