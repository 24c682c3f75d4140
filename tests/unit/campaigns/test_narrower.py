import pytest

from campaigns.narrower import read
from engine.errors import Misconfigured


def test_everything_below_is_narrower_and_a_circle_ends(tmp_path):
    file = tmp_path / "yso.tsv"
    file.write_text(
        "narrower\tbroader\nyso:p1\tyso:p2\n<http://www.yso.fi/onto/yso/p2>\thttp://www.yso.fi/onto/yso/p3\n"
        "yso:p3\tyso:p2\nno pair\n",
        "utf-8",
    )
    assert read(file) == {"yso:p2": {"yso:p1", "yso:p3"}, "yso:p3": {"yso:p1", "yso:p2"}}
    assert read(None) == {}


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "empty.tsv").write_text("nothing\n", "utf-8")
    for name in ("empty.tsv", "missing.tsv"):
        with pytest.raises(Misconfigured, match=name):
            read(tmp_path / name)
