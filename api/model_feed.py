"""Keeps this process's catalogue under the newest model, and the one on trial; both learn of offers that came since."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.catalogue import Catalogue
from engine.errors import ModelRefused, StoreUnavailable
from engine.offers import Offer
from engine.panel import CURRENT, ON_TRIAL, Contender
from engine.records.offers import OfferRecords
from engine.telemetry import MODELLED, logger
from engine.trial import Trial
from models.archive import Archive

if TYPE_CHECKING:
    from models.artefact import Artefact
    from models.serving import ServingRanker

log = logger("api")
_LOOKS_SECONDS = 1.0
_AT_ONCE, _EMBEDDED_AT_ONCE = 1_000, 50
"""How many offers a model learns of in one go; fewer where each of them is embedded, so that no look takes long."""


class ModelFeed:
    """Looks for a new model now and then; while one is read, the one before answers. A trial is followed alike.

    Parameters
    ----------
    folder
        Where trainings publish.
    catalogue
        What a model is put over.
    offers
        Where the texts of offers are that a model does not know.
    clock
        By which a trial is over.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, offers: OfferRecords, clock: Callable[[], datetime]) -> None:
        self._archive = Archive(folder)
        self._catalogue = catalogue
        self._offers = offers
        self._clock = clock
        self._looked_at: str | None = None
        self._ranker: ServingRanker | None = None
        self._trial: Trial | None = None
        self._contender: tuple[ServingRanker, Trial] | None = None
        self._spoilt: str | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def name(self) -> str | None:
        """The model that answers; None while there is none."""
        return None if self._ranker is None else self._ranker.name

    @property
    def on_trial(self) -> str | None:
        """The model that answers some beside it; None while there is none."""
        return None if self._contender is None else self._contender[0].name

    async def open(self) -> None:
        """Follow in the background, from now on."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def look(self) -> None:
        """Take the newest model if it is another one, and the trial, and have both know the offers that came since."""
        try:
            await self._take_newest()
        except ModelRefused as error:
            log.warning("model refused", why=error.detail, answering=self.name)
        await self._take_trial()
        if self._ranker is not None and (offers := await self._unknown(CURRENT, self._ranker)):
            self._use(await asyncio.to_thread(self._ranker.knowing, offers), self._contender)
        if self._contender is not None and (offers := await self._unknown(ON_TRIAL, self._contender[0])):
            ranker, trial = self._contender
            self._use(self._ranker, (await asyncio.to_thread(ranker.knowing, offers), trial))

    async def _unknown(self, place: int, ranker: "ServingRanker") -> list[Offer]:
        unknown = self._catalogue.unknown(place)[: _EMBEDDED_AT_ONCE if ranker.meaning else _AT_ONCE]
        return list((await self._offers.many(unknown)).values()) if unknown else []

    async def _take_newest(self) -> None:
        names = await asyncio.to_thread(self._archive.names)
        newest = names[0] if names else None
        if newest == self._looked_at:
            return
        # Whatever comes of it, one that is refused is not read again and again.
        self._looked_at = newest
        if newest is not None:
            ranker = await asyncio.to_thread(_read, self._archive.current)
            # A trial is of two models that both stay: with another one it is over.
            self._trial = None
            self._use(ranker, None)
            log.info("model taken", model=self.name)

    async def _take_trial(self) -> None:
        """Take the model that is on trial against the one that answers, or none."""
        trial = await self._running()
        if trial == self._trial:
            return
        self._trial, contender = trial, None
        if trial is not None:
            try:
                contender = (await asyncio.to_thread(_read, lambda: self._archive.on_trial(trial)), trial)
                log.info("trial taken", model=trial.name, against=trial.against, share=trial.share)
            except ModelRefused as error:
                log.warning("trial refused", why=error.detail, answering=self.name)
        elif self._contender is not None:
            log.info("trial over", answering=self.name)
        if contender is not None or self._contender is not None:
            self._use(self._ranker, contender)

    async def _running(self) -> Trial | None:
        try:
            trial, self._spoilt = await asyncio.to_thread(self._archive.running, self._clock()), None
        except ModelRefused as error:
            if error.detail != self._spoilt:
                log.warning("trial refused", why=error.detail, answering=self.name)
            self._spoilt = error.detail
            return None
        return trial if trial is not None and trial.against == self.name else None

    def _use(self, ranker: "ServingRanker | None", contender: "tuple[ServingRanker, Trial] | None") -> None:
        self._ranker, self._contender = ranker, contender
        self._catalogue.learn(ranker, contender and Contender(*contender))
        MODELLED.set(0 if ranker is None else len(ranker.factors))

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("feed interrupted", what="model", why=error.detail)
            except Exception:
                log.exception("feed failed", what="model")
            await asyncio.sleep(_LOOKS_SECONDS)


def _read(artefact: "Callable[[], Artefact | None]") -> "ServingRanker":
    # With it come 100 MB of libraries, which a process without a model need not carry.
    from models.serving import ServingRanker  # noqa: PLC0415 - as above

    found = artefact()
    if found is None:
        raise ModelRefused("The model was taken away while it was looked for.")
    ranker = ServingRanker.of(found)
    if ranker.projection.has_meaning and ranker.meaning is None:
        log.warning("new offers are read by their words alone", model=ranker.name, without=found.card.embedding)
    ranker.warm_up()
    return ranker
