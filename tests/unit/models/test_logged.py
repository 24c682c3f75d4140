"""Logs from a file: what was shown, by whom it was seen, and the judged policy's word on it."""

import gzip

import pytest

from engine.errors import InvalidInput
from models.logged import estimates, read_log

WHOLE = """\
person,action,reward,propensity,target:a,target:b,x:age,x:near
p,a,1,0.5,0.1,0.9,30,0.5
p,b,0,0.5,0.2,0.8,30,1
q,b,1,0.25,0.3,0.7,40,2
"""


def test_a_log_with_every_target_gives_all_three_estimates(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(WHOLE.encode()))
    logged = read_log(path)
    assert logged.log.actions.tolist() == [0, 1, 1]
    assert logged.log.targets.tolist() == [0.1, 0.8, 0.7]
    assert logged.log.people.tolist() == [0, 0, 1]
    assert logged.log.contexts.tolist() == [[30, 0.5], [30, 1], [40, 2]]
    found = estimates(logged)
    assert [value.method for value in found] == ["IPS", "SNIPS", "DR"]
    assert found[0].estimate.value == pytest.approx((0.2 + 2.8) / 3)
    assert all(value.words.startswith("Too few to say") for value in found)


def test_a_log_with_the_target_alone_gives_two_and_takes_each_line_for_a_person(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("action,reward,propensity,target\nx,1,0.5,0.5\ny,0,0.5,1\nx,0,1,0\n")
    logged = read_log(path)
    assert logged.policy is None
    assert logged.log.actions.tolist() == [0, 1, 0]
    assert logged.log.people.tolist() == [0, 1, 2]
    assert logged.log.contexts.shape == (3, 0)
    assert [value.method for value in estimates(logged)] == ["IPS", "SNIPS"]


def test_an_empty_log_is_too_few(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("action,reward,propensity,target\n")
    assert all(value.words.startswith("Too few to say") for value in estimates(read_log(path)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("action,reward,target\n", "line 1: the column propensity is missing"),
        ("action,reward,propensity\nx,1,0.5\n", "line 2: neither target nor target:ACTION"),
        ("action,reward,propensity,target:a\nb,1,0.5,1\n", "line 2: the column target:b is missing"),
        ("action,reward,propensity,target\nx,much,0.5,1\n", "line 2: reward is 'much', which is no number"),
        ("action,reward,propensity,target\nx,1,0,1\n", "propensities is not above 0 and at most 1, in row 0"),
    ],
)
def test_a_log_that_cannot_be_read_is_told(tmp_path, text, told):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=told):
        read_log(path)
