"""Keeps this process's catalogue under the newest model, and has the model learn of offers that came after it."""

import asyncio
from pathlib import Path

from engine.catalogue import Catalogue
from engine.errors import ModelRefused, StoreUnavailable
from engine.records.offers import OfferRecords
from engine.telemetry import MODELLED, logger
from models.archive import Archive
from models.serving import ServingRanker

log = logger("api")
_LOOKS_SECONDS = 1.0
_AT_ONCE = 1_000


class ModelFeed:
    """Looks for a new model now and then; while one is read, the one before answers.

    Parameters
    ----------
    folder
        Where trainings publish.
    catalogue
        What a model is put over.
    offers
        Where the texts of offers are that a model does not know.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, offers: OfferRecords) -> None:
        self._archive = Archive(folder)
        self._catalogue = catalogue
        self._offers = offers
        self._looked_at: str | None = None
        self._ranker: ServingRanker | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def name(self) -> str | None:
        """The model that answers; None while there is none."""
        return None if self._ranker is None else self._ranker.name

    async def open(self) -> None:
        """Follow in the background, from now on."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def look(self) -> None:
        """Take the newest model if it is another one, and have it know the offers that came since."""
        try:
            await self._take_newest()
        except ModelRefused as error:
            log.warning("model refused", why=error.detail, answering=self.name)
        if self._ranker is not None and (unknown := self._catalogue.unknown()):
            offers = list((await self._offers.many(unknown[:_AT_ONCE])).values())
            if offers:
                self._use(await asyncio.to_thread(self._ranker.knowing, offers))

    async def _take_newest(self) -> None:
        names = await asyncio.to_thread(self._archive.names)
        newest = names[0] if names else None
        if newest == self._looked_at:
            return
        # Whatever comes of it, one that is refused is not read again and again.
        self._looked_at = newest
        if newest is not None:
            self._use(await asyncio.to_thread(self._read))
            log.info("model taken", model=self.name)

    def _read(self) -> ServingRanker:
        artefact = self._archive.current()
        if artefact is None:
            raise ModelRefused("The model was taken away while it was looked for.")
        ranker = ServingRanker.of(artefact)
        ranker.warm_up()
        return ranker

    def _use(self, ranker: ServingRanker) -> None:
        self._ranker = ranker
        self._catalogue.learn(ranker)
        MODELLED.set(len(ranker.factors))

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("feed interrupted", what="model", why=error.detail)
            except Exception:
                log.exception("feed failed", what="model")
            await asyncio.sleep(_LOOKS_SECONDS)
