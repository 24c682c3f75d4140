import pytest

from models.choices import Choices


def chosen(*acts):
    """What is chosen, from (person, offer, type, time) or with stars at the end, as (person, offer, time)."""
    choices = Choices()
    choices.add(*zip(*((*act, None)[:5] for act in acts), strict=True))
    found = choices.interactions()
    names = list(choices.offers)
    rows = zip(found.people.tolist(), found.offers.tolist(), found.times.tolist(), strict=True)
    return sorted((person, names[offer], time) for person, offer, time in rows)


@pytest.mark.parametrize("act", ["open", "save", "share", "register", "attend"])
def test_these_acts_choose_an_offer(act):
    assert chosen((0, "a", act, 5.0)) == [(0, "a", 5.0)]


@pytest.mark.parametrize("act", ["view", "dismiss", "unsave", "cancel"])
def test_these_do_not(act):
    assert chosen((0, "a", act, 5.0)) == []


def test_an_offer_is_chosen_once_and_at_first():
    assert chosen((0, "a", "view", 1.0), (0, "a", "save", 3.0), (0, "a", "open", 2.0)) == [(0, "a", 2.0)]


@pytest.mark.parametrize("undone", ["unsave", "cancel", "dismiss"])
def test_the_last_word_holds(undone):
    assert chosen((0, "a", "save", 1.0), (0, "a", undone, 2.0)) == []
    assert chosen((0, "a", "save", 1.0), (0, "a", undone, 2.0), (0, "a", "save", 3.0)) == [(0, "a", 1.0)]


@pytest.mark.parametrize(("stars", "likes"), [(1, False), (2, False), (3, True), (5, True)])
def test_stars_say_whether_it_was_liked(stars, likes):
    assert chosen((0, "a", "attend", 1.0, None), (0, "a", "rate", 2.0, stars)) == ([(0, "a", 1.0)] if likes else [])


def test_residents_and_offers_are_kept_apart():
    acts = [(0, "a", "save", 1.0), (1, "a", "dismiss", 2.0), (1, "b", "save", 3.0), (0, "b", "unsave", 4.0)]
    assert chosen(*acts) == [(0, "a", 1.0), (1, "b", 3.0)]


def test_chunks_add_up_and_nothing_is_nothing():
    choices = Choices()
    assert len(choices.interactions()) == 0
    choices.add([0], ["a"], ["save"], [1.0], [None])
    choices.add([1, 1], ["b", "a"], ["save", "view"], [1.0, 2.0], [None, None])
    choices.add([], [], [], [], [])
    assert choices.interactions().people.tolist() == [0, 1]
    assert list(choices.offers) == ["a", "b"]
