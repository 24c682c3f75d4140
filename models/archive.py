"""All published models of a home, which of them is current, and who may train: one at a time.

`current` is a file of names, the current model's first and then those that were current before it. It is replaced in
one step, so whoever reads it finds the old model or the new one, whatever was interrupted. `trial` is replaced
alike: which model is, or was last, on trial beside the current one (`engine.trial`).

To see what there is takes none of what models are made of: that is a hundred megabytes, which a process without a
model need not carry. So it is imported where a model is read or written.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, TYPE_CHECKING

import msgspec

from engine.errors import Misconfigured, ModelRefused, NotFound, UnderWay
from engine.trial import Trial
from models.disk import synced

if TYPE_CHECKING:
    from models.artefact import Artefact
    from models.card import Card
    from models.model import Model

KEPT = 5
"""How many models are kept: the current one, and those that can be gone back to."""
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
_UNFINISHED = ".unfinished-"
_LIST, _TRIAL, _LOCK = "current", "trial", ".lock"


class Archive:
    """The models in a folder, such as ``var/models``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Sequence[str]:
        """Return the name of the current model, then of those before it; none where nothing was published.

        Raises
        ------
        ModelRefused
            The list does not say so.
        """
        try:
            names = (self._folder / _LIST).read_text("latin-1").split()
        except FileNotFoundError:
            return ()
        if not names or not all(map(_NAME.fullmatch, names)):
            raise ModelRefused(f"{self._folder / _LIST} was changed; write into it the name of a folder beside it.")
        return names

    def current(self) -> "Artefact | None":
        """Read the current model; None where nothing was published.

        Raises
        ------
        ModelRefused
            It is damaged or of another version (`models.artefact.load`).
        """
        names = self.names()
        return _load(self._folder / names[0]) if names else None

    def trial(self) -> Trial | None:
        """Return the last trial, which may be over; None where there was none.

        Raises
        ------
        ModelRefused
            The file does not say which.
        """
        try:
            told = msgspec.json.decode((self._folder / _TRIAL).read_bytes(), type=Trial)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._spoilt() from error
        if not (_NAME.fullmatch(told.name) and _NAME.fullmatch(told.against)):
            raise self._spoilt()
        return told

    def running(self, now: datetime) -> Trial | None:
        """Return the trial that runs; None where none does.

        Raises
        ------
        ModelRefused
            It cannot be told.
        """
        told, names = self.trial(), self.names()
        return told if told is not None and told.runs(names[0] if names else None, now) else None

    def on_trial(self, trial: Trial) -> "Artefact":
        """Read the model on trial.

        Raises
        ------
        ModelRefused
            It is damaged or of another version (`models.artefact.load`).
        """
        return _load(self._folder / trial.name)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keep others from training meanwhile, and clear away what one that was killed has left.

        A process that dies, however, lets go of the lock.

        Raises
        ------
        UnderWay
            Another process trains on this folder.
        Misconfigured
            The folder cannot be made or written.
        """
        with self._opened() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UnderWay("Another training is under way on this home; wait until it is done.") from error
            self._clear()
            yield

    def publish(self, model: "Model", card: "Card") -> str:
        """Write a model and make it the current one; return its name. Call it within `training`.

        When this returns it is on disk. Whatever is interrupted on the way, the one before stays current.

        Raises
        ------
        Misconfigured
            The folder cannot be written, or is full.
        """
        try:
            name = self._written(model, card)
            self._tell([name, *(known for known in self.names() if known != name)][:KEPT])
            self._clear()
        except OSError as error:
            raise self._unwritable(error) from error
        return name

    def put_on_trial(self, model: "Model", card: "Card", share: float, now: datetime) -> str:
        """Write a model and have it tried by a share of residents; return its name. Call it within `training`.

        Whatever is interrupted on the way, no trial runs.

        Raises
        ------
        NotFound
            There is no current model to try it against.
        Misconfigured
            The folder cannot be written, or is full.
        """
        against = self.tried_against()
        try:
            name = self._written(model, card)
            self._tell_trial(Trial(name, against, now, share))
            self._clear()
        except OSError as error:
            raise self._unwritable(error) from error
        return name

    def tried_against(self) -> str:
        """Return the model that a trial would be against: the current one.

        Raises
        ------
        NotFound
            There is none.
        """
        if not (names := self.names()):
            raise NotFound("There is no current model to try another one against; train without --trial first.")
        return names[0]

    def promote(self, now: datetime) -> str:
        """Make the model on trial the current one, which ends the trial, and return its name. Call it in `training`.

        Raises
        ------
        NotFound
            No trial runs.
        ModelRefused
            It cannot be read; nothing was changed.
        """
        trial = self._run(now)
        self.on_trial(trial)
        self._tell([trial.name, *(known for known in self.names() if known != trial.name)][:KEPT])
        self._tell_trial(msgspec.structs.replace(trial, ended=now))
        return trial.name

    def end_trial(self, now: datetime) -> str:
        """End the trial; the current model answers everybody again. Return which was on trial. Call it in `training`.

        Raises
        ------
        NotFound
            No trial runs.
        ModelRefused
            It cannot be told which does.
        """
        trial = self._run(now)
        self._tell_trial(msgspec.structs.replace(trial, ended=now))
        return trial.name

    def _run(self, now: datetime) -> Trial:
        if (trial := self.running(now)) is None:
            raise NotFound("No trial is running; nothing was changed.")
        return trial

    def _written(self, model: "Model", card: "Card") -> str:
        unfinished = Path(mkdtemp(prefix=_UNFINISHED, dir=self._folder))
        from models.artefact import write  # noqa: PLC0415 - see above

        name = write(unfinished, model, card)
        unfinished.chmod(0o755)
        _sync(unfinished)
        unfinished.rename(self._folder / name)
        return name

    def roll_back(self) -> str:
        """Make the model before the current one current again, and return its name. Call it within `training`.

        Raises
        ------
        NotFound
            There is none before it.
        ModelRefused
            No model before it can be read; one that cannot is passed over.
        """
        names = self.names()
        if len(names) < 2:  # noqa: PLR2004 - the current one and one before
            raise NotFound("There is no model before the current one; nothing was changed.")
        whole = next((n for n in range(1, len(names)) if _whole(self._folder / names[n])), None)
        if whole is None:
            raise ModelRefused("No model before the current one can be read; nothing was changed.")
        self._tell(names[whole:])
        return names[whole]

    def _opened(self) -> IO[bytes]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return (self._folder / _LOCK).open("wb")
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Misconfigured:
        return Misconfigured(f"{self._folder} cannot be written ({error.strerror}); nothing was published.")

    def _tell(self, names: Sequence[str]) -> None:
        """Replace the list of names in one step."""
        self._replace(_LIST, "".join(f"{name}\n" for name in names).encode("ascii"))

    def _tell_trial(self, trial: Trial) -> None:
        self._replace(_TRIAL, msgspec.json.format(msgspec.json.encode(trial)))

    def _replace(self, name: str, content: bytes) -> None:
        beside = self._folder / f"{_UNFINISHED}{name}"
        with beside.open("wb") as file:
            file.write(content)
            synced(file)
        beside.replace(self._folder / name)
        _sync(self._folder)

    def _spoilt(self) -> ModelRefused:
        return ModelRefused(f"{self._folder / _TRIAL} was changed, so no trial runs; remove it to begin another one.")

    def _clear(self) -> None:
        """Remove what was not finished, and models that can no longer be gone back to."""
        kept = [*self.names()]
        # Where a name leads nowhere, the list may have been changed: better too many than one too few.
        sure = bool(kept) and all((self._folder / name).is_dir() for name in kept)
        try:
            if (trial := self.trial()) is not None and trial.ended is None:
                kept.append(trial.name)
        except ModelRefused:
            sure = False
        for path in list(self._folder.iterdir()):
            over = sure and _NAME.fullmatch(path.name) and path.name not in kept
            if path.is_dir() and not path.is_symlink() and (over or path.name.startswith(_UNFINISHED)):
                shutil.rmtree(path)


def _load(folder: Path) -> "Artefact":
    from models.artefact import load  # noqa: PLC0415 - see above

    return load(folder)


def _whole(folder: Path) -> bool:
    try:
        _load(folder)
    except ModelRefused:
        return False
    return True


def _sync(folder: Path) -> None:
    """See that what a folder lists is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
