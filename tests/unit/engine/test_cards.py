import errno
import io
import tempfile

import pytest

from engine.cards import Cards


def numbered(*numbers: int, length: int = 40) -> list[bytes]:
    return [f"{number:{length}d}".encode() for number in numbers]


def read(cards: Cards) -> list[bytes]:
    return [cards[row] for row in range(len(cards))]


class FullDisk(io.BytesIO):
    """A disk on which nothing can be written."""

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def full_disk() -> FullDisk:
    return FullDisk()


def test_cards_are_read_as_they_were_added():
    cards = Cards()
    cards.extend(numbered(1, 2))
    cards.extend([])
    cards.extend([b"", b"three"])
    assert read(cards) == [*numbered(1, 2), b"", b"three"]


def test_more_cards_than_are_kept_at_hand_are_read_right_again_and_again():
    cards = Cards()
    cards.extend(numbered(*range(5_000)))
    for _ in range(2):
        for first in (0, 2_500, 4_990, 10):
            assert cards.many(range(first, first + 10)) == numbered(*range(first, first + 10))
        assert cards.many(range(5_000)) == numbered(*range(5_000))


def test_a_part_is_a_list_of_its_own_while_the_whole_can_still_be_read():
    whole = Cards()
    whole.extend(numbered(*range(6)))
    part = whole.taken([4, 1, 2])
    part.extend(numbered(9))
    assert read(part) == part.many(range(4)) == numbered(4, 1, 2, 9)
    assert read(whole) == numbered(*range(6))


def test_the_room_of_cards_that_nobody_wants_is_given_back():
    files = []

    def counted():
        files.append(tempfile.TemporaryFile())  # noqa: SIM115 - it ends with the test
        return files[-1]

    whole = Cards(counted)
    whole.extend(numbered(*range(30), length=100_000))
    few = whole.taken([3, 20])
    assert len(files) == 2
    assert files[1].seek(0, io.SEEK_END) == 200_000
    assert read(few) == numbered(3, 20, length=100_000)
    assert len(whole.taken(range(20))) == 20
    assert len(files) == 2


@pytest.mark.parametrize("wanted", [[0, 2], [2, 1, 0]])
def test_on_a_full_disk_cards_stay_in_memory(wanted):
    cards = Cards(full_disk)
    cards.extend(numbered(1, 2))
    cards.extend(numbered(3))
    assert read(cards) == cards.many(range(3)) == numbered(1, 2, 3)
    assert read(cards.taken(wanted)) == [numbered(1, 2, 3)[n] for n in wanted]


def test_cards_written_before_the_disk_was_full_are_read_from_it():
    disk = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with the test

    class Filling:
        full = False

        def __getattr__(self, name):
            return getattr(disk, name)

        def write(self, data: bytes) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return disk.write(data)

    filling = Filling()
    cards = Cards(lambda: filling)
    cards.extend(numbered(1))
    filling.full = True
    cards.extend(numbered(2))
    filling.full = False
    cards.extend(numbered(3))
    assert read(cards) == cards.many(range(3)) == numbered(1, 2, 3)
    assert read(cards.taken([2, 1])) == numbered(3, 2)
