"""Two more ways to serve the API, to compare with: run as ``python -m bench.serving``, set like `vinkki serve`."""

from collections.abc import Sequence
from dataclasses import replace

from api.app import create_app
from api.commands.serve import listen
from api.wiring import House, assemble
from engine.events import InteractionBatch
from engine.settings import load
from stream.publisher import Publisher


class Nowhere(Publisher):
    """A publisher to which interactions are as good as published when they are handed over."""

    async def interactions(self, batches: Sequence[InteractionBatch]) -> None:
        """Do nothing."""


def house() -> House:
    """Return the house of the environment's settings, whose interactions go nowhere."""
    made = assemble(load())
    nowhere = Nowhere(made.settings.kafka or "")
    return replace(made, publisher=nowhere, stores=replace(made.stores, publisher=nowhere))


if __name__ == "__main__":
    served = house()
    listen(create_app(served), served.settings)
