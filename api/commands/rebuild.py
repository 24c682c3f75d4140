"""`vinkki rebuild`: the online state from SQL."""

import asyncio

from api import wiring
from api.commands.parts import parts, say
from engine.settings import Settings


def run(settings: Settings) -> None:
    """Restore everybody's online state."""
    with parts(settings) as found:
        asyncio.run(_rebuild(found))


async def _rebuild(settings: Settings) -> None:
    stores = wiring.connect(settings)
    try:
        await wiring.prepare(settings, stores, wiring.utc_now())
        said = lambda done, of: say(f"{done:,} of {of:,} residents restored")  # noqa: E731 - a word, not a function
        await wiring.intake(settings, stores).rebuild_all(wiring.utc_now(), said)
        say("The online state is complete.")
    finally:
        await stores.close()
