from datetime import timedelta

import numpy as np
import pytest

from models.content import Content
from models.context import Seats, Setting, described, scarcity
from models.item import item
from models.matrix import DAY, Interactions
from models.snapshot import Snapshot, found
from models.text import TextSpace
from tests.factories import NOW, offer


@pytest.mark.parametrize(
    ("youngest", "oldest", "whom"),
    [
        (None, None, None),
        (0, 6, "children"),
        (None, 12, "children"),
        (13, 17, "young"),
        (18, None, "adults"),
        (65, None, "seniors"),
        (0, 99, "all"),
        (7, None, "all"),
    ],
)
def test_whom_an_offer_is_for_follows_from_its_ages(youngest, oldest, whom):
    assert item(offer("t:1", age_min=youngest, age_max=oldest)).ages == whom


def test_what_is_known_of_an_offer_is_told_and_nothing_else():
    closes = NOW + timedelta(days=2)
    told = item(offer("t:1", free=True, languages=("sv", "fi"), enrolment_closes=closes))
    assert (told.price, told.language, told.closes) == ("free", "fi sv", closes.timestamp())
    bare = item(offer("t:1", free=None, languages=()))
    assert (bare.price, bare.language, bare.closes) == (None, None, None)


def test_price_language_and_ages_are_weighed_by_what_was_chosen_and_enrolment_by_its_end():
    free = [offer(f"f:{n}", free=True, keywords="a", enrolment_closes=NOW + timedelta(days=3)) for n in range(4)]
    paid = [offer(f"p:{n}", free=False, keywords="a") for n in range(4)]
    items = [item(its) for its in (*free, *paid)]
    chosen = Interactions.of([0, 0, 1, 1], [0, 1, 4, 5], [NOW.timestamp() - DAY] * 4)
    setting = Setting.of(items)
    snapshot = Snapshot.fit(chosen, Content.of(TextSpace.fit(items).transform(items)), 2, NOW.timestamp())
    candidates = np.array([2, 3, 6, 7], np.int32)
    (pairs,) = found(snapshot, np.array([0, 1]), candidates)
    told = described(pairs, snapshot, setting, candidates).features
    likes_free = np.isin(candidates[pairs.columns], [2, 3]) == (pairs.rows == 0)
    assert told["price_share"][likes_free].tolist() == [1.0] * 4
    assert told["price_share"][~likes_free].tolist() == [0.0] * 4
    assert told["price_lift"][likes_free].min() > told["price_lift"][~likes_free].max()
    closing = candidates[pairs.columns] < 4
    assert told["days_to_close"][closing] == pytest.approx(3.0, abs=0.01)
    assert np.isnan(told["days_to_close"][~closing]).all()


def test_seats_are_those_of_the_moment_and_no_limit_is_no_number():
    before = NOW.timestamp()
    told = [item(offer("t:1"), [(before - 2 * DAY, 12), (before - DAY, 3), (before + DAY, 0)]), item(offer("t:2"))]
    told.append(item(offer("t:3"), [(before - 3 * DAY, 5), (before - DAY, -1)]))
    seats = Seats.of(told)
    assert seats.at(before).tolist() == [3, -1, -1]
    assert seats.at(before - 1.5 * DAY).tolist() == [12, -1, 5]
    assert seats.at(before - 9 * DAY).tolist() == [-1, -1, -1]
    assert Seats.of(told[1:2]) is None
    looked_at = scarcity(seats.at(before + 2 * DAY))
    assert looked_at[0] == 0
    assert np.isnan(looked_at[1:]).all()


def test_a_look_back_sees_the_seats_of_then():
    moment = NOW.timestamp()
    offers = [offer(f"t:{n}", keywords="a") for n in range(4)]
    items = [item(its, [(moment - 9 * DAY, 20), (moment - DAY, 2)] if n < 2 else ()) for n, its in enumerate(offers)]
    chosen = Interactions.of([0], [3], [moment - 20 * DAY])
    content = Content.of(TextSpace.fit(items).transform(items))
    for ago, left in ((0, 2), (5, 20)):
        snapshot = Snapshot.fit(chosen, content, 1, moment - ago * DAY)
        (pairs,) = found(snapshot, np.array([0]), np.arange(3, dtype=np.int32))
        looked_at = described(pairs, snapshot, Setting.of(items), np.arange(3, dtype=np.int32)).features["seats_left"]
        assert looked_at[pairs.columns < 2] == pytest.approx(np.log1p(left))
        assert np.isnan(looked_at[pairs.columns == 2]).all()
    bare = Setting.of([item(its) for its in offers])
    assert "seats_left" not in described(pairs, snapshot, bare, np.arange(3, dtype=np.int32)).features
