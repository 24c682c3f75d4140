"""Runs the city's own GDPR API tester on the commands given, with its OpenID simulator on a port of our choice.

Its own command line always takes port 8888 and asks a person.
"""

import asyncio
import os
import sys

from aiohttp import web
from gdpr_api_tester import main as tester
from gdpr_api_tester.routes import routes

SCOPES = {"query": "gdprquery", "delete": "gdprdelete", "delete dryrun": "gdprdelete", "stranger": "gdprquery"}


async def ask(command: str) -> None:
    """Do one of the tester's commands and print what it thinks of the answer."""
    params = {"dry_run": "true"} if "dryrun" in command else {}
    scopes = [] if command == "stranger" else [SCOPES[command]]
    response = await tester.make_gdpr_api_request("delete" if "delete" in command else "get", scopes, params)
    explain = tester.get_delete_explanation if "delete" in command else tester.get_query_explanation
    dry = {"dry_run": True} if params else {}
    sys.stdout.write(f"==== {command}\n{await explain(response, **dry)}\n")
    if response.status not in (200, 204):
        valid = tester.is_valid_gdpr_api_errors(await response.json())
        sys.stdout.write(f"errors as specified: {valid}\n")


async def run(commands: list[str]) -> None:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["SIMULATOR_PORT"])).start()
    for command in commands:
        await ask(command)
    await runner.cleanup()


asyncio.run(run(sys.argv[1:]))
