from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.scenarios import completed, weekend
from engine.errors import InvalidInput
from engine.offers import Kind
from engine.query import Query
from engine.scenario import Scenario

HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize("day", range(23, 30))
@pytest.mark.parametrize("hour", [0, 23])
def test_the_weekend_is_the_next_or_the_one_that_is(day, hour):
    starts, ends = weekend(datetime(2026, 11, day, hour, 30, tzinfo=HELSINKI))
    assert (starts, ends) == (datetime(2026, 11, 28, tzinfo=HELSINKI), datetime(2026, 11, 30, tzinfo=HELSINKI))


def test_a_weekend_in_which_clocks_change_ends_at_midnight_all_the_same():
    starts, ends = weekend(datetime(2026, 10, 22, tzinfo=HELSINKI))
    assert ends - starts == timedelta(days=2)  # by the clock on the wall
    assert ends.timestamp() - starts.timestamp() == 49 * 3600


NOW = datetime(2026, 11, 22, 12, tzinfo=HELSINKI)


def test_a_scenario_asks_for_what_is_left_open_and_nothing_else():
    assert completed(Query(), NOW) == Query()
    asked = completed(Query(scenario=Scenario.THIS_WEEKEND), NOW)
    assert (asked.starts_from, asked.until) == weekend(NOW)
    given = Query(scenario=Scenario.THIS_WEEKEND, until=NOW)
    assert completed(given, NOW) == given
    assert completed(Query(scenario=Scenario.COURSE_SEARCH), NOW).kinds == (Kind.COURSE,)
    given = Query(scenario=Scenario.COURSE_SEARCH, kinds=(Kind.EVENT,))
    assert completed(given, NOW) == given
    with pytest.raises(InvalidInput) as refused:
        completed(Query(scenario=Scenario.NEAR_ME), NOW)
    assert refused.value.field == "near"
