"""What offers are about, in columns: the newest word on each counts alone, and what nobody has told fits nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.subjects import Subject, Subjects

WORDS = st.sampled_from(["course", "event", "pool", "yso:swim", "yso:jazz"])
told = st.lists(
    st.builds(
        Subject,
        id=st.sampled_from(["a", "b", "c"]),
        kind=WORDS,
        place=st.none() | WORDS,
        keywords=st.lists(WORDS, max_size=3).map(tuple),
    ),
    max_size=8,
)


@given(told, WORDS, st.sampled_from(["a", "b", "c", "d"]))
def test_each_is_found_by_what_was_told_of_it_last(told, word, id_):
    subjects = Subjects()
    assert [subjects.code(one) for one in ("a", "b", "c", "a")] == [0, 1, 2, 0]
    for one in told:
        subjects.put(one)
    now = {one.id: one for one in told}
    known = [now.get(one) for one in ("a", "b", "c")]
    assert len(subjects) == len(known)
    assert subjects.named(ids=[id_]).tolist() == [one == id_ for one in ("a", "b", "c")]
    assert subjects.named(kinds=[word]).tolist() == [one is not None and one.kind == word for one in known]
    assert subjects.named(places=[word]).tolist() == [one is not None and one.place == word for one in known]
    assert subjects.named(keywords=[word]).tolist() == [one is not None and word in one.keywords for one in known]
    assert not subjects.named().any()


def test_what_is_nowhere_is_near_nothing():
    subjects = Subjects()
    subjects.put(Subject("pool", "course", lat=60.18, lon=24.95))
    subjects.put(Subject("hall", "event", lat=60.25, lon=25.05))
    subjects.put(Subject("half", "event", lat=60.18))
    subjects.code("unheard")
    assert subjects.near(60.18, 24.95, 1).tolist() == [True, False, False, False]
    assert subjects.near(60.18, 24.95, 30).tolist() == [True, True, False, False]
    subjects.put(Subject("pool", "course"))
    assert not subjects.near(60.18, 24.95, 1).any()


def test_an_empty_one_answers():
    subjects = Subjects()
    assert subjects.named(kinds=["event"], keywords=["yso:swim"], ids=["a"]).shape == (0,)
    assert subjects.near(60.0, 25.0, 1.0).shape == (0,)


@pytest.mark.parametrize("part", ["lat", "lon"])
def test_half_a_point_is_none(part):
    subjects = Subjects()
    subjects.put(Subject("half", "event", **{part: 60.0}))
    assert np.array_equal(subjects.near(60.0, 60.0, 20_000.0), [False])
