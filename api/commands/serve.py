"""`vinkki serve`: the API."""

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.commands.parts import check_port, parts
from api.wiring import assemble
from engine import telemetry
from engine.settings import Settings


def run(settings: Settings) -> None:
    """Answer HTTP until stopped."""
    telemetry.configure_logging(json=settings.log_format == "json")
    check_port(settings)
    with parts(settings) as found:
        listen(create_app(assemble(found)), found)


def listen(app: FastAPI, settings: Settings) -> None:
    """Serve an application until stopped.

    Raises
    ------
    VinkkiError
        It could not be opened, for a reason that Vinkki can explain.
    """
    try:
        _run(app, settings)
    except SystemExit:
        # uvicorn has logged what happened; the person at the terminal is told in a sentence.
        if (reason := getattr(app.state, "failure", None)) is not None:
            raise reason from None
        raise


def _run(app: FastAPI, settings: Settings) -> None:
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
