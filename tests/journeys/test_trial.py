"""A trial as a city lives it: published, taken up by a process, drawn, kept with what was shown, and told to staff."""

import os
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import text

from api.issuer import DemoIssuer, address
from api.seal import Seal
from engine.settings import Settings
from engine.trial import Lots
from models.archive import Archive
from tests.journeys.conftest import Resident, command, free_port, is_ready
from tests.unit.models.trained import MOMENT, card, learned

PATH = "/v1/models/trial"


async def test_residents_are_answered_by_the_model_they_are_drawn_for_and_staff_hear_how_it_does(city, tmp_path):
    """Another API process of the same city, in a home of its own with two models."""
    archive, now = Archive(tmp_path / "models"), datetime.now(UTC)
    with archive.training():
        archive.publish(learned()[3], card())
        archive.put_on_trial(learned()[3], card(made_at=MOMENT + timedelta(days=1)), 0.5, now)
    trial, lots = archive.running(now), Lots(Seal.of(Settings(home=tmp_path)).secret)
    base, its = f"http://127.0.0.1:{(port := free_port())}", city.settings
    parts = {f"VINKKI_{name.upper()}": getattr(its, name) for name in ("kafka", "database", "redis")}
    log, issuer = tmp_path / "api.log", DemoIssuer(tmp_path, address(base), its.audience)
    with command("serve", "--home", str(tmp_path), "--port", str(port), log=log, env=os.environ | parts):
        async with httpx.AsyncClient(base_url=base, timeout=20) as http:
            await city.until(lambda: is_ready(http), bool, seconds=120)

            async def taken():
                return "trial taken" in log.read_text()

            await city.until(taken, bool, seconds=120)
            residents = [city.resident().id for _ in range(6)]
            answers = {}
            for person in residents:
                resident = Resident(http, person, issuer.resident(person, datetime.now(UTC)))
                await resident.decide("activity")
                await resident.decide("measurement")
                await resident.send(resident.event("journey:swim-3"))
                answers[(await resident.basis_becomes("personal", 20))["suggestion_id"]] = person
            desk = {"Authorization": f"Bearer {issuer.service('desk', ['models:read'], datetime.now(UTC))}"}
            told = await http.get(PATH, headers=desk)

    query = text("""
        SELECT i.suggestion, i.resident, i.model, r.person
        FROM impressions i JOIN residents r ON r.pseudonym = i.resident
        WHERE i.suggestion = ANY(:suggestions)
    """)

    async def kept():
        async with city.stores.database.begin() as connection:
            return (await connection.execute(query, {"suggestions": list(answers)})).all()

    found = await city.until(kept, lambda rows: len(rows) == len(answers), seconds=15)
    for row in found:
        assert answers[row.suggestion] == row.person
        assert row.model == (trial.name if lots.drawn(trial, row.resident) else trial.against)
    assert told.status_code == 200
    body = told.json()
    assert (body["running"], body["verdict"], body["difference"]) == (True, "too_early", None)
    assert (body["on_trial"]["model"], body["on_trial"]["residents"]) == (trial.name, None)


async def test_without_a_trial_staff_hear_that_there_is_none_and_residents_hear_nothing(city, resident):
    desk = {"Authorization": f"Bearer {city.issuer.service('desk', ['models:read'], datetime.now(UTC))}"}
    assert (await city.http.get(PATH, headers=desk)).status_code == 404
    assert (await resident.call("GET", PATH)).status_code == 403
