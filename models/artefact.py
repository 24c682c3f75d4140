"""A model as a folder of files: arrays, offers and a card. Reading one runs nothing that a file says.

The card holds the SHA-256 of every other file, and the folder's name ends with the beginning of the card's own; so no
byte changes unnoticed. There is no pickle anywhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelRefused
from models.card import FORMAT, Card
from models.disk import synced
from models.item import Item
from models.model import Model

CARD, ARRAYS, OFFERS = "card.json", "arrays.npz", "offers.json"
DIGITS = 12
"""How many digits of the card's SHA-256 a folder's name ends with."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model with its card, as read from the folder `name`."""

    name: str
    card: Card
    model: Model


class _Form(msgspec.Struct):
    """What is read of a card first."""

    format: int


def write(folder: Path, model: Model, card: Card) -> str:
    """Write a model into an empty folder, and return the name that the folder is to have.

    When this returns, every file is on disk.

    Raises
    ------
    ModelRefused
        An array holds a number that is not finite: such a model would rank nonsense.
    """
    arrays = model.arrays()
    _check_finite(arrays)
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        synced(file)
    # How many seats are left is told anew at each answer: what they were is for the training alone.
    _write(folder / OFFERS, msgspec.json.encode([msgspec.structs.replace(item, seats=()) for item in model.items]))
    files = {name: _digest(folder / name) for name in (ARRAYS, OFFERS)}
    content = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(card, files=files)))
    _write(folder / CARD, content)
    return f"{card.made_at:%Y%m%dT%H%M%SZ}-{hashlib.sha256(content).hexdigest()[:DIGITS]}"


def load(folder: Path) -> Artefact:
    """Read a published model.

    Raises
    ------
    ModelRefused
        A file is missing or was changed, the format is another one, or a number is not finite; it says which.
    """
    card = read_card(folder)
    for name, digest in card.files.items():
        if _digest(folder / name) != digest:
            raise ModelRefused(f"The model {folder.name} was changed: {name} is not what was published.")
    try:
        items = msgspec.json.decode((folder / OFFERS).read_bytes(), type=tuple[Item, ...])
        arrays = _arrays(folder / ARRAYS)
        _check_finite(arrays)
        return Artefact(folder.name, card, Model.from_arrays(items, arrays))
    except (OSError, ValueError, KeyError, TypeError, IndexError, BadZipFile, msgspec.MsgspecError) as error:
        raise ModelRefused(f"The model {folder.name} cannot be read ({type(error).__name__}); train anew.") from error


def read_card(folder: Path) -> Card:
    """Read the card of a published model.

    Raises
    ------
    ModelRefused
        There is none, it was changed, or it is of another format.
    """
    try:
        content = (folder / CARD).read_bytes()
        form = msgspec.json.decode(content, type=_Form).format
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelRefused(f"The model {folder.name} has no card that can be read.") from error
    if form != FORMAT:
        age = "an older" if form < FORMAT else "a newer"
        raise ModelRefused(f"The model {folder.name} is of {age} format ({form}; read is {FORMAT}); train anew.")
    if hashlib.sha256(content).hexdigest()[:DIGITS] != folder.name.rpartition("-")[2]:
        raise ModelRefused(f"The model {folder.name} was changed: its card is not what was published.")
    try:
        card = msgspec.json.decode(content, type=Card)
    except msgspec.MsgspecError as error:
        raise ModelRefused(f"The card of the model {folder.name} does not say what it should.") from error
    if set(card.files) != {ARRAYS, OFFERS}:
        raise ModelRefused(f"The card of the model {folder.name} does not name the files that belong to it.")
    return card


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _check_finite(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ModelRefused(f"The model's array {name} does not hold numbers.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelRefused(f"The model's array {name} holds a number that is not finite.")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelRefused(f"The model {path.parent.name} is not whole: {path.name} cannot be read.") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        synced(file)
