import hashlib
import json
import shutil

import msgspec
import numpy as np
import pytest

from engine.errors import ModelRefused
from models import artefact
from models.artefact import ARRAYS, CARD, OFFERS, load, read_card, write
from tests.unit.models.trained import MOMENT, PEOPLE, card, learned, ranked
from tests.unit.models.worlds import NOW, ahead


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "new"
    folder.mkdir()
    return folder.rename(folder.parent / write(folder, learned()[3], card()))


@pytest.fixture
def published(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / whole.name)


def test_what_was_written_is_read(published):
    items, interactions, _, model = learned()
    found = load(published)
    assert found.name == published.name
    assert found.card.made_at == MOMENT
    assert set(found.card.files) == {ARRAYS, OFFERS}
    both = [ranked(its.facing(interactions.before(NOW), PEOPLE, NOW), ahead(items)) for its in (model, found.model)]
    assert both[0] == both[1]


def test_how_many_seats_were_left_is_not_published(tmp_path):
    items, _, _, model = learned(limited=True)
    assert any(item.seats for item in model.items)
    name = write(tmp_path, model, card())
    found = load(tmp_path.rename(tmp_path.parent / name)).model
    assert not any(item.seats for item in found.items)
    assert [item.seats for item in found.knowing(items).items] == [item.seats for item in items]


def test_a_folder_is_named_by_the_moment_and_the_cards_digest(published):
    stamp, digest = published.name.split("-")
    assert stamp == f"{MOMENT:%Y%m%dT%H%M%SZ}"
    assert len(digest) == artefact.DIGITS


def test_the_card_is_for_people_to_read(published):
    told = json.loads((published / CARD).read_text())
    assert told["versions"]["numpy"] == np.__version__
    assert "\n" in (published / CARD).read_text()


def test_offers_are_told_without_their_texts(published):
    told = (published / OFFERS).read_text()
    assert "swimming-3" in told
    assert "evening" not in told


@pytest.mark.parametrize("name", [CARD, ARRAYS, OFFERS])
def test_a_flipped_byte_anywhere_is_refused_with_a_reason(published, name):
    content = (published / name).read_bytes()
    places = np.unique(np.linspace(0, len(content) - 1, 40).astype(int))
    for at in places:
        for bit in (0x01, 0x80):
            spoilt = bytearray(content)
            spoilt[at] ^= bit
            (published / name).write_bytes(spoilt)
            with pytest.raises(ModelRefused, match="model") as refused:
                load(published)
            assert published.name in refused.value.detail
    (published / name).write_bytes(content)
    load(published)


@pytest.mark.parametrize("name", [CARD, ARRAYS, OFFERS])
@pytest.mark.parametrize("spoil", ["missing", "cut", "empty", "longer", "a folder"])
def test_a_file_that_is_not_whole_is_refused(published, name, spoil):
    path = published / name
    content = path.read_bytes()
    path.unlink()
    if spoil == "a folder":
        path.mkdir()
    elif spoil != "missing":
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "longer": content + b" "}[spoil])
    with pytest.raises(ModelRefused):
        load(published)


def rewritten(folder, **changes):
    """Write what a folder holds anew, with everything signed as it should be."""
    told = msgspec.json.decode((folder / CARD).read_bytes())
    told |= changes
    content = msgspec.json.encode(told)
    (folder / CARD).write_bytes(content)
    name = folder.name.split("-")[0] + "-" + hashlib.sha256(content).hexdigest()[: artefact.DIGITS]
    return folder.rename(folder.parent / name)


@pytest.mark.parametrize(("form", "age"), [(0, "older"), (2, "newer")])
def test_another_format_is_refused_and_named(published, form, age):
    with pytest.raises(ModelRefused, match=f"{age} format"):
        read_card(rewritten(published, format=form))


def test_a_card_that_names_other_files_is_refused(published):
    with pytest.raises(ModelRefused, match="files"):
        load(rewritten(published, files={"../../secret": "0" * 64}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_neither_written_nor_read(tmp_path, whole, value):
    model = learned()[3]
    model.snapshot.popularity.counts[3], kept = value, model.snapshot.popularity.counts[3]
    try:
        with pytest.raises(ModelRefused, match=r"popular\.counts"):
            write(tmp_path, model, card())
    finally:
        model.snapshot.popularity.counts[3] = kept
    folder = shutil.copytree(whole, tmp_path / whole.name)
    with np.load(folder / ARRAYS) as found:
        arrays = {name: found[name] for name in found.files}
    arrays["latent"][0, 0] = value
    np.savez(folder / ARRAYS, **arrays)
    files = {name: artefact._digest(folder / name) for name in (ARRAYS, OFFERS)}
    with pytest.raises(ModelRefused, match="latent"):
        load(rewritten(folder, files=files))


def test_an_array_of_objects_is_refused_and_never_opened(published):
    class Trap:
        def __reduce__(self):
            return (exit, (7,))

    np.savez(published / ARRAYS, latent=np.array([Trap()], object))
    files = {name: artefact._digest(published / name) for name in (ARRAYS, OFFERS)}
    with pytest.raises(ModelRefused, match="cannot be read"):
        load(rewritten(published, files=files))
