"""An embedding with a file: what was embedded once is not embedded again, and a spoilt file harms nothing."""

import numpy as np
import pytest

from models.kept import FILE, Kept
from tests.unit.models.test_embedding import Letters, Other


@pytest.fixture
def file(tmp_path):
    return tmp_path / FILE


def quiet(_):
    """Hear nothing."""


def test_the_second_training_embeds_new_texts_alone(file):
    first = Kept(Letters(), file, quiet)
    told = first.embed(["aaa", "eee", "aaa"], "fi")
    first.keep()
    letters = Letters()
    second = Kept(letters, file, quiet)
    assert np.array_equal(second.embed(["eee", "iii", "aaa"], "fi"), np.stack([told[1], [0, 0, 3, 0, 0], told[0]]))
    assert letters.asked == ["iii"]
    assert second.embed(["eee"], "sv")[0].tolist() == [100, 103, 100, 100, 100]
    assert second.embed([], "fi").shape == (0, 5)


def test_new_and_kept_vectors_are_alike_to_the_last_bit(file):
    class Thirds(Letters):
        def embed(self, texts, language):
            return super().embed(texts, language) / np.float32(3)

    first = Kept(Thirds(), file, quiet)
    new = first.embed(["a", "ee"], "fi")
    first.keep()
    assert np.array_equal(Kept(Thirds(), file, quiet).embed(["a", "ee"], "fi"), new)


def test_texts_that_are_gone_are_forgotten(file):
    first = Kept(Letters(), file, quiet)
    first.embed(["aaa", "eee"], "fi")
    first.keep()
    second = Kept(Letters(), file, quiet)
    second.embed(["aaa"], "fi")
    second.keep()
    letters = Letters()
    Kept(letters, file, quiet).embed(["aaa", "eee"], "fi")
    assert letters.asked == ["eee"]


class Dying(Letters):
    """Dies after so many texts."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def embed(self, texts, language):
        if len(self.asked) + len(texts) > self.most:
            raise KeyboardInterrupt
        return super().embed(texts, language)


def test_who_is_killed_on_the_way_goes_on_where_the_file_ends(file):
    texts, said = [f"a{n}" for n in range(13_000)], []
    with pytest.raises(KeyboardInterrupt):
        Kept(Dying(11_000), file, said.append).embed(texts, "fi")
    assert said[-1] == "Embedded 10,000 of 13,000 new texts"
    letters = Letters()
    Kept(letters, file, quiet).embed(texts, "fi")
    assert letters.asked == texts[10_000:]


def kept(file):
    whole = Kept(Letters(), file, quiet)
    whole.embed(["aaa"], "fi")
    whole.keep()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no archive"),
        lambda file: file.write_bytes(file.read_bytes()[:-40]),
        lambda file: np.savez(file, keys=np.zeros(3)),
        lambda file: np.savez(
            file, embedding=np.frombuffer(b"letters", np.uint8), keys=np.zeros((1, 3), np.uint8), vectors=np.eye(1)
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_as_good_as_none(file, spoil):
    kept(file)
    spoil(file)
    letters, said = Letters(), []
    again = Kept(letters, file, said.append)
    assert again.embed(["aaa"], "fi").tolist() == [[3, 0, 0, 0, 0]]
    assert letters.asked == ["aaa"]
    assert said == [f"{file} cannot be read; all texts are embedded anew"]
    again.keep()
    assert Kept(Letters(), file, quiet).embed(["aaa"], "fi").tolist() == [[3, 0, 0, 0, 0]]


def test_vectors_of_another_embedding_are_not_used(file):
    kept(file)
    other = Other()
    Kept(other, file, quiet).embed(["aaa"], "fi")
    assert other.asked == ["aaa"]


def test_where_nothing_can_be_written_training_goes_on(tmp_path):
    said = []
    kept = Kept(Letters(), tmp_path / "missing" / FILE, said.append)
    assert kept.embed(["aaa"], "fi").tolist() == [[3, 0, 0, 0, 0]]
    kept.keep()
    assert "cannot be written (No such file or directory)" in said[0]
