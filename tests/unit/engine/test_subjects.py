from collections.abc import Sequence
from datetime import timedelta

from engine.offers import Kind, Offer
from engine.subjects import Subjects
from engine.taste import features
from tests.factories import NOW, offer, place


class Held:
    """Offers that count how often they are read."""

    def __init__(self, *offers: Offer) -> None:
        self.offers = {of.id: of for of in offers}
        self.changes: list[str] = []
        self.read: list[str] = []

    def change(self, of: Offer) -> None:
        self.offers[of.id] = of
        self.changes.append(of.id)

    async def remembered(self, ids: Sequence[str]) -> dict[str, Offer]:
        self.read += ids
        return {id_: self.offers[id_] for id_ in ids if id_ in self.offers}

    async def changed(self, version: int | None) -> tuple[set[str], int]:
        return (set() if version is None else set(self.changes[version:])), len(self.changes)


SWIM, JAZZ = offer("test:swim", keywords="swimming", kind=Kind.COURSE), offer("test:jazz", place=place("oodi"))


async def test_a_subject_is_kind_features_and_place():
    found = await Subjects(Held(SWIM, JAZZ)).of({"test:swim", "test:jazz", "test:none"}, NOW)
    assert set(found) == {"test:swim", "test:jazz"}
    assert (found["test:swim"].kind, found["test:swim"].features) == (Kind.COURSE, features(SWIM))
    assert found["test:jazz"].place == "tprek:oodi"


async def test_an_offer_is_read_once_however_long_it_holds():
    held = Held(SWIM)
    subjects = Subjects(held)
    for minutes in range(5):
        await subjects.of({"test:swim"}, NOW + timedelta(minutes=minutes))
    assert held.read == ["test:swim"]


async def test_what_any_worker_changed_is_read_anew_before_long():
    held = Held(SWIM, JAZZ)
    subjects = Subjects(held)
    await subjects.of({"test:swim", "test:jazz"}, NOW)
    held.change(offer("test:swim", keywords="diving", kind=Kind.COURSE))
    found = await subjects.of({"test:swim", "test:jazz"}, NOW + timedelta(seconds=31))
    assert "keyword:yso:diving" in found["test:swim"].features
    assert sorted(held.read) == ["test:jazz", "test:swim", "test:swim"]


async def test_what_this_worker_changed_is_read_anew_at_once():
    held = Held(SWIM)
    subjects = Subjects(held)
    before = await subjects.of({"test:swim"}, NOW)
    held.offers["test:swim"] = offer("test:swim", keywords="diving")
    subjects.forget({"test:swim", "test:never-asked-for"})
    assert "keyword:yso:diving" in (await subjects.of({"test:swim"}, NOW))["test:swim"].features
    assert "keyword:yso:swimming" in before["test:swim"].features


async def test_a_clock_set_back_does_not_keep_old_answers():
    held = Held(SWIM)
    subjects = Subjects(held)
    await subjects.of({"test:swim"}, NOW)
    held.change(offer("test:swim", keywords="diving"))
    found = await subjects.of({"test:swim"}, NOW - timedelta(hours=1))
    assert "keyword:yso:diving" in found["test:swim"].features


async def test_no_more_are_kept_than_said():
    many = [offer(f"test:{n}") for n in range(5)]
    held = Held(*many)
    subjects = Subjects(held, most=3)
    for of in (*many, *many):
        assert await subjects.of({of.id}, NOW)
    assert len(held.read) > len(many)
