"""A vocabulary that a deployer loads."""

import gzip

import pytest

from engine.errors import Misconfigured
from models.concepts import Concepts
from models.item import Item
from models.text import TextSpace, Vectors, similarity
from models.vocabulary import load, spoken_of

RELATED = "concept\tlabel\trelated\tnpmi\na:1\tx\ta:2\t0.5\na:1\tx\ta:3\tmuch\na:1\tx\ta:4\t-0.1\nbroken\n\ta:2\t1\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own-fi.tsv").write_text("a:1\tesivanhemmat\na:2\tsukututkimus\na:3\tkuut\n", "utf-8")
    (tmp_path / "own_sv.tsv").write_text("a:1\tförfäder\n", "utf-8")
    (tmp_path / "alt_fi.tsv").write_text("id\tlabel\tother\na:1\tesivanhemmat\tesi-isät\n", "utf-8")
    (tmp_path / "README.txt").write_text("a:9\tnothing\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["related.tsv", "own_related_by_titles.tsv.gz"])
def test_labels_and_what_is_related_are_read_and_other_files_and_broken_lines_passed_over(folder, name):
    with (gzip.open if name.endswith("gz") else open)(folder / name, "wt", encoding="utf-8") as file:
        file.write(RELATED)
    its = load(folder)
    assert its.labels["a:1"] == {"fi": "esivanhemmat", "sv": "förfäder"}
    assert its.also == {"a:1": {"fi": "esi-isät"}}
    assert its.related == {"a:1": {"a:2": 0.5}}
    assert len(its) == 3


@pytest.mark.parametrize(
    "octets", [b"no gzip", gzip.compress(RELATED.encode())[:30], gzip.compress(b"")[:10] + b"\xff" * 40]
)
def test_what_cannot_be_read_is_told_with_its_setting(tmp_path, folder, octets):
    (folder / "related.tsv.gz").write_bytes(octets)
    empty = tmp_path / "empty"
    empty.mkdir()
    for where, words in ((folder, "cannot be read"), (tmp_path / "none", "cannot be read"), (empty, "no file such as")):
        with pytest.raises(Misconfigured, match="VINKKI_LABELS") as refused:
            load(where)
        assert words in refused.value.detail


def test_of_a_vocabulary_what_offers_have_or_name_is_kept(folder):
    (folder / "related.tsv").write_text(RELATED, "utf-8")
    offers = [Item(id="1", title={"fi": "Esivanhempien jäljillä"}), Item(id="2", tags=("a:2",))]
    kept = spoken_of(load(folder), offers)
    assert set(kept.labels) == {"a:1", "a:2"}
    assert kept.related == {"a:1": {"a:2": 0.5}}
    assert set(spoken_of(load(folder), [Item(id="3", title={"fi": "Jazz"})]).labels) == set()


def test_what_is_related_brings_offers_together_also_after_they_were_kept():
    labels = {"a:1": {"fi": "esivanhemmat"}, "a:2": {"fi": "sukututkimus"}, "a:3": {"fi": "jazz"}}
    offers = [Item(id=title, title={"fi": title}) for title in ("Esivanhemmat", "Sukututkimus", "Jazz")]
    apart = TextSpace.fit(offers, Concepts(labels))
    whole = TextSpace.fit(offers, Concepts(labels, related={"a:1": {"a:2": 0.7}}))
    read = TextSpace.from_arrays(whole.arrays())

    def alike(space):
        vectors = Vectors(space.transform(offers))
        return similarity(vectors, vectors)

    assert alike(whole)[0, 1] > 2 * alike(apart)[0, 1]
    assert alike(whole)[0, 2] == pytest.approx(alike(apart)[0, 2], abs=0.02)
    assert (alike(read) == alike(whole)).all()


def test_a_space_of_before_there_were_related_concepts_is_read():
    space = TextSpace.fit([Item(id="1", title={"fi": "Jazz"})])
    arrays = {name: array for name, array in space.arrays().items() if name != "related"}
    assert TextSpace.from_arrays(arrays).concepts.related == {}
