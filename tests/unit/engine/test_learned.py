"""What is read straight from a packed taste is what the taste itself tells."""

import numpy as np
import pytest

from engine.catalogue import Catalogue
from engine.profile import TASTE_SCALE, Source, from_taste
from engine.taste import Taste, key
from tests.factories import NOW, observation, offer, place, taste

OFFERS = [offer(f"test:{n}", keywords=f"own{n} shared{n % 3}", place=place(f"hall{n % 2}")) for n in range(8)]
ACTS = ("save", "view", "dismiss", "open", "attend")


@pytest.fixture
def live():
    catalogue = Catalogue()
    # The last two offers are gone: what only they were about adds nothing.
    catalogue.apply({its.id: its for its in OFFERS[:6]})
    return catalogue.live(NOW)


def lived(count: int) -> Taste:
    return taste(*(observation(OFFERS[n], ACTS[n % len(ACTS)], ago=3 * n) for n in range(count)))


@pytest.mark.parametrize("located", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_it_leans_to_what_the_weights_of_the_taste_say(live, count, located):
    its = Taste.unpack(lived(count).pack())
    keys, weights = its.weights(NOW, located=located)
    wanted = {
        slot: w * live.idf[slot] for k, w in zip(keys.tolist(), weights.tolist(), strict=True) for slot in at(live, k)
    }
    length = np.sqrt(sum(v * v for v in wanted.values())) or 1
    evidence = float(np.abs(weights).sum())
    scale = TASTE_SCALE * evidence / (evidence + 6.0)
    leaning, settled, _ = from_taste(its.pack(), live, NOW, located=located)
    assert leaning.source is Source.INTERESTED
    assert dict(zip(leaning.slots.tolist(), leaning.adds.tolist(), strict=True)) == pytest.approx(
        {slot: scale * value * live.idf[slot] / length for slot, value in wanted.items()}, rel=1e-4, abs=1e-7
    )
    assert settled.tolist() == its.settled().tolist()


def at(live, hashed: int) -> list[int]:
    """Return the slot of a hash, if the catalogue knows it."""
    return live.key_slots[live.keys == np.uint64(hashed)].tolist()


def test_what_is_saved_is_settled(live):
    saved = taste(observation(OFFERS[0], "save"), observation(OFFERS[1], "view"))
    assert from_taste(saved.pack(), live, NOW, located=True).settled.tolist() == [key(OFFERS[0].id)]


@pytest.mark.parametrize("spoilt", [b"", b"\x00" * 11, lived(3).pack()[:-1], b"\x63" + lived(3).pack()[1:]])
def test_what_is_no_taste_of_this_version_is_refused(live, spoilt):
    with pytest.raises(ValueError, match="rebuild it from the journal"):
        from_taste(spoilt, live, NOW, located=True)
