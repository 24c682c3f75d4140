"""An embedding whose vectors stay in a file from one training to the next: new texts alone are embedded then."""

from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.disk import synced
from models.embedding import KEY_BYTES, Embedding, Matrix, key_of

FILE = "meanings.npz"
_AT_ONCE = 2_000
_WRITTEN_EVERY = 10_000
"""After so many new texts the file is written: who stops a training loses two minutes at most."""


class Kept:
    """An embedding (`models.embedding.Embedding`) with a file of what it embedded. One process at a time.

    Only hashes of texts and their vectors are in the file. One that cannot be read, or is of another embedding, is as
    good as none.

    Parameters
    ----------
    told
        Hears how far it is.
    """

    def __init__(self, embedding: Embedding, file: Path, told: Callable[[str], None]) -> None:
        self._embedding = embedding
        self._file = file
        self._told = told
        self._vectors = self._read()
        self._used: set[bytes] = set()
        self._unwritten = 0

    @property
    def name(self) -> str:
        """The embedding's."""
        return self._embedding.name

    def embed(self, texts: Sequence[str], language: str) -> Matrix:
        """Return vectors as the embedding does, in half precision whether they are new or not."""
        keys = [key_of(text, language) for text in texts]
        self._used.update(keys)
        new = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in self._vectors]
        for at in range(0, len(new), _AT_ONCE):
            own_keys, own_texts = zip(*new[at : at + _AT_ONCE], strict=True)
            vectors = self._embedding.embed(own_texts, language).astype(np.float16)
            self._vectors.update(zip(own_keys, vectors, strict=True))
            self._unwritten += len(own_keys)
            if len(new) > _AT_ONCE:
                self._told(f"Embedded {at + len(own_keys):,} of {len(new):,} new texts")
            if self._unwritten >= _WRITTEN_EVERY:
                self._write()
        if not keys:
            return self._embedding.embed([], language)
        return np.stack([self._vectors[key] for key in keys]).astype(np.float32)

    def keep(self) -> None:
        """Write what was asked for since this was made, and forget the rest: offers that are gone need no vectors."""
        self._vectors = {key: self._vectors[key] for key in self._vectors.keys() & self._used}
        self._write()

    def _read(self) -> dict[bytes, NDArray[np.float16]]:
        try:
            with np.load(self._file, allow_pickle=False) as found:
                if found["embedding"].tobytes().decode() != self.name:
                    return {}
                keys, vectors = found["keys"], found["vectors"].astype(np.float16, copy=False)
        except FileNotFoundError:
            return {}
        except (OSError, EOFError, ValueError, KeyError, BadZipFile):
            return self._unreadable()
        if keys.shape != (len(vectors), KEY_BYTES) or vectors.ndim != 2:  # noqa: PLR2004 - texts and dimensions
            return self._unreadable()
        return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}

    def _unreadable(self) -> dict[bytes, NDArray[np.float16]]:
        self._told(f"{self._file} cannot be read; all texts are embedded anew")
        return {}

    def _write(self) -> None:
        self._unwritten = 0
        keys = np.frombuffer(b"".join(self._vectors), np.uint8).reshape(-1, KEY_BYTES)
        vectors = np.stack(list(self._vectors.values())) if self._vectors else np.zeros((0, 0), np.float16)
        beside = self._file.with_suffix(".unfinished")
        try:
            with beside.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    embedding=np.frombuffer(self.name.encode(), np.uint8),
                    keys=keys,
                    vectors=vectors,
                )
                synced(file)
            beside.replace(self._file)
        except OSError as error:
            self._told(f"{self._file} cannot be written ({error.strerror}); the next training embeds all texts anew")
