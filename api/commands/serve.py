"""`vinkki serve`: the API."""

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.commands.parts import parts
from api.wiring import assemble
from engine import telemetry
from engine.settings import Settings


def run(settings: Settings) -> None:
    """Answer HTTP until stopped."""
    telemetry.configure_logging(json=settings.log_format == "json")
    with parts(settings) as found:
        listen(create_app(assemble(found)), found)


def listen(app: FastAPI, settings: Settings) -> None:
    """Serve an application until stopped."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
