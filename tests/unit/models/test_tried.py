"""The log of the place for new offers: it names nobody, and what it tells of other policies is true."""

import gzip
from datetime import UTC, datetime

import numpy as np
import pytest

from models.choices import Choices
from models.logged import estimates, read_log
from models.matrix import DAY
from models.tried import COLUMNS, FEW, Tries, write_log

MONDAY = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC).timestamp()
SHARE, NEW = 0.1, 6
LIKED_NEW, LIKED_USUAL = np.linspace(0.05, 0.5, NEW), 0.2


def town(seed, people=12_000):
    """What residents of a town were shown in the fourth place, and chose: half a dozen new offers, or a usual one."""
    rng = np.random.default_rng(seed)
    drawn = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    choices, lists = Choices(), []
    acts = []
    for person in range(people):
        for visit in range(1 + person % 2):  # of other offers each time: what somebody tires of is another matter
            time = MONDAY + visit * DAY + float(rng.random())
            tries = rng.random() < SHARE
            which = int(rng.choice(NEW, p=drawn)) if tries else 0
            offer, liked = (f"new:{which}", LIKED_NEW[which]) if tries else (f"usual:{person % 9}:{visit}", LIKED_USUAL)
            chance = SHARE * drawn[which] if tries else 1 - SHARE
            lists.append((person, time, ("a", "b", "c", offer, "e"), 4, chance))
            if rng.random() < liked:
                acts.append((person, offer, "save", time + 3_600, None))
    choices.add(*zip(*acts, strict=True))
    found = Tries(np.random.default_rng(seed))
    found.add(choices, *zip(*lists, strict=True))
    return found, float(drawn @ LIKED_NEW)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_a_log_tells_of_another_share_is_true(share, tmp_path):
    covered, told = 0, []
    for seed in range(4):
        tries, liked = town(seed)
        written = write_log(tmp_path / "log.csv", tries.told(share))
        ips, snips = estimates(read_log(tmp_path / "log.csv"))
        truth = share * liked + (1 - share) * LIKED_USUAL
        assert written == 12_000
        assert ips.enough
        assert ips.weight.value == pytest.approx(1, abs=0.05)
        covered += ips.estimate.low <= truth <= ips.estimate.high
        told.append(snips.estimate.value - truth)
    assert covered >= 3
    assert abs(np.mean(told)) < 0.02


def collected(lists, acts=()):
    choices = Choices()
    if acts:
        choices.add(*zip(*acts, strict=True))
    tries = Tries(np.random.default_rng(0))
    tries.add(choices, *zip(*lists, strict=True))
    return tries


def log(lists, acts=(), share=0.0):
    return [dict(zip(COLUMNS, row, strict=True)) for row in collected(lists, acts).told(share)]


def usual(person, time=MONDAY, offer="o:1", chance=0.9):
    return (person, time, ("a", offer), 2, chance)


def test_no_two_lines_are_of_one_person_and_none_tells_when():
    rows = log([usual(person, MONDAY + n * DAY) for person in range(7) for n in range(3)])
    assert len(rows) == 7
    assert len({tuple(row.values()) for row in rows}) == 1
    assert set(COLUMNS) == set(rows[0])


def test_chances_are_rounded_and_weigh_as_before():
    lists = [usual(0), *(usual(n, chance=0.0123456 + n / 1e6) for n in range(1, 5))]
    rows = [row for row in log(lists, share=0.05) if row["new"]]
    assert {row["propensity"] for row in rows} == {0.012}
    assert [row["target"] / row["propensity"] for row in rows] == pytest.approx([0.5] * 4)


def test_an_offer_of_few_lines_goes_unnamed():
    rows = log([usual(person, offer="o:many" if person < 11 else "o:rare") for person in range(21)])
    assert sorted(row["action"] for row in rows) == [FEW] * 10 + ["o:many"] * 11


def test_what_follows_within_a_week_is_the_reward():
    acts = [
        (0, "o:1", "open", MONDAY, None),
        (1, "o:1", "save", MONDAY + 8 * DAY, None),
        (2, "a", "save", MONDAY, None),
    ]
    lists = [usual(n, MONDAY + 0.5) for n in range(4)]
    assert sorted(row["reward"] for row in log(lists, acts)) == [0, 0, 0, 1]
    twice = [usual(person, time) for person in range(9) for time in (MONDAY, MONDAY + DAY)]
    tries = collected(twice, [(person, "o:1", "save", MONDAY + DAY + 9, None) for person in range(9)])
    assert {(line.day.day, line.chosen) for line in tries.lines} == {(2, False), (3, True)}
    taken_back = [(0, "o:1", "save", MONDAY + 5, None), (0, "o:1", "unsave", MONDAY + 9, None)]
    assert [row["reward"] for row in log([usual(0)], taken_back)] == [0]


def test_a_day_on_which_the_share_was_changed_or_cannot_be_told_is_left_out():
    changed = [usual(n, chance=0.9 + n % 2 / 20) for n in range(6)]
    untold = [usual(10 + n, MONDAY + DAY, chance=0.01) for n in range(3)]
    whole = [usual(20 + n, MONDAY + 2 * DAY, chance=0.9 if n else 0.04) for n in range(3)]
    rows = log([*changed, *untold, *whole], share=0.2)
    assert sorted((row["new"], round(row["target"], 3)) for row in rows) == [(0, 0.8), (0, 0.8), (1, 0.08)]


def test_a_log_may_be_zipped_and_empty(tmp_path):
    path = tmp_path / "log.csv.gz"
    assert write_log(path, iter(())) == 0
    assert gzip.decompress(path.read_bytes()).decode().strip() == ",".join(COLUMNS)
