"""The city's own tester of GDPR APIs, from PyPI, finds nothing wrong with ours on a live server."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.app import create_app
from api.embedded.home import free_port
from api.wiring import assemble
from engine.settings import Settings
from stream import topics

DRIVER = Path(__file__).with_name("gdpr_tester.py")
COMMANDS = ("stranger", "query", "delete dryrun", "query", "delete", "query", "delete")


async def test_the_citys_tester_is_content(own, database_url, redis_url, addresses, tmp_path):
    person, port, simulator = uuid4(), free_port(), free_port()
    issuer = f"http://127.0.0.1:{simulator}/"
    await topics.create(addresses.kafka, 2)
    settings = Settings(
        kafka=addresses.kafka, database=database_url, redis=redis_url, home=tmp_path, port=port, issuer=issuer
    )
    # The tester would make a key that the library which signs for it cannot read; one that lies there it takes.
    key = generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (tmp_path / "gdpr_api_tester_key.pem").write_bytes(pem)
    resident = await own.residents.enrol(person)
    await own.ledger.record(resident, "activity", granted=True, notice=1, now=datetime.now(UTC))
    server = uvicorn.Server(uvicorn.Config(create_app(assemble(settings)), port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.05)
    env = os.environ | {
        "SIMULATOR_PORT": str(simulator),
        "ISSUER": issuer,
        "ISSUER_TYPE": "keycloak",
        "GDPR_API_AUDIENCE": settings.audience,
        "GDPR_API_AUTHORIZATION_FIELD": "authorization",
        "GDPR_API_QUERY_SCOPE": "gdprquery",
        "GDPR_API_DELETE_SCOPE": "gdprdelete",
        "GDPR_API_URL": f"http://127.0.0.1:{port}/gdpr-api/v1/profiles/$user_uuid",
        "USER_UUID": str(person),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(DRIVER), *COMMANDS],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    server.should_exit = True
    await serving
    assert done.returncode == 0, done.stderr
    told = done.stdout.split("==== ")[1:]
    statuses = [part.split("status code: ")[1][:3] for part in told]
    assert statuses == ["401", "200", "204", "200", "204", "204", "204"]
    assert "errors as specified: True" in told[0]
    assert "VINKKI" in told[1]
    assert all("Failure" not in part for part in told[1:])
