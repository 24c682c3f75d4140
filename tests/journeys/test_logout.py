"""Sign-out through HTTP alone: a session's tokens are over at once, in every process."""

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from api.access import TokenVerifier
from api.ended import Ended
from api.errors import Unauthenticated
from api.keys import FixedKeys
from api.logout_feed import LogoutFeed
from api.seal import Seal
from engine.logouts import KEPT
from engine.records.logouts import LogoutRecords

PATH = "/logout/backchannel"
LISTENERS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ILIKE 'LISTEN \"logouts\"%%'"


def now() -> datetime:
    return datetime.now(UTC)


class Session:
    """Somebody who signed in at the demo's issuer."""

    def __init__(self, city, resident, number: int = 1) -> None:
        session = f"session {number} of {resident.id}"
        self.city, self.resident = city, resident
        self.access = city.issuer.resident(resident.id, now(), session)
        self.identity = city.issuer.identity(resident.id, now(), session)

    async def status(self) -> int:
        headers = {"Authorization": f"Bearer {self.access}"}
        return (await self.city.http.get(f"{self.resident.path}/consents", headers=headers)).status_code

    async def end(self):
        token = self.city.issuer.logout(self.identity, now())
        return await self.city.http.post(PATH, data={"logout_token": token})


async def test_a_logout_ends_a_remembered_token_before_it_answers_and_no_other_session(city, resident):
    session, other = Session(city, resident), Session(city, resident, 2)
    for one in (session, other, session):
        assert await one.status() == 200
    got = await session.end()
    assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
    assert [await one.status() for one in (session, other)] == [401, 200]
    again = await resident.call("GET", f"{resident.path}/consents")
    assert again.status_code == 200


async def test_two_tellings_at_once_count_once(city, resident):
    session = Session(city, resident)
    token = city.issuer.logout(session.identity, now())
    told = await asyncio.gather(*(city.http.post(PATH, data={"logout_token": token}) for _ in range(6)))
    assert sorted(got.status_code for got in told) == [200] + [400] * 5
    assert await session.status() == 401


async def test_the_demos_sign_out_ends_the_session_for_every_tab(city):
    verifier = "v" * 43
    asked = {
        "client_id": "vinkki-app",
        "redirect_uri": str(city.http.base_url.join("/app")),
        "response_type": "code",
        "code_challenge": urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    found = (await city.http.get("/demo-issuer/.well-known/openid-configuration")).json()
    assert found["backchannel_logout_supported"] is True
    back = (await city.http.post(found["authorization_endpoint"], data=asked)).headers["location"]
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"],
        "code_verifier": verifier,
    }
    tokens = (await city.http.post(found["token_endpoint"], data=form)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await city.http.get("/v1/residents/me/consents", headers=headers)).status_code == 200
    left = await city.http.post(found["end_session_endpoint"], data={"id_token_hint": tokens["id_token"]})
    assert left.status_code == 200
    refused = await city.http.get("/v1/residents/me/consents", headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@asynccontextmanager
async def another_process(city):
    """Yield what checks tokens in one more process of the same house: this very one."""
    issuer = city.issuer
    ended = Ended(Seal.of(city.settings).secret)
    tokens = TokenVerifier(issuer.issuer, issuer.audience, FixedKeys(issuer.public_keys), ended=ended)
    feed = LogoutFeed(tokens, city.stores.database, LogoutRecords(city.stores.database), now)
    await feed.open()
    try:
        yield tokens
    finally:
        await feed.close()


async def over(tokens: TokenVerifier, session: Session) -> bool:
    try:
        await tokens.verify(session.access, now())
    except Unauthenticated as error:
        return error.reason == "ended"
    return False


async def test_every_other_process_refuses_the_token_within_moments(city, resident):
    session = Session(city, resident)
    async with another_process(city) as tokens:
        assert not await over(tokens, session)
        await session.end()
        assert await city.until(lambda: over(tokens, session), bool, seconds=1)


async def test_a_process_that_starts_later_knows_of_it(city, resident):
    session = Session(city, resident)
    await session.end()
    async with another_process(city) as tokens:
        assert await over(tokens, session)


async def test_a_process_whose_line_was_broken_catches_up(city, resident):
    session = Session(city, resident)
    async with another_process(city) as tokens:
        assert not await over(tokens, session)
        async with city.stores.database.begin() as connection:
            assert (await connection.exec_driver_sql(LISTENERS)).scalar_one() > 0
        await session.end()
        assert await city.until(lambda: over(tokens, session), bool, seconds=10)


async def test_ends_are_dropped_when_no_token_can_be_as_old(city, resident):
    records = LogoutRecords(city.stores.database)
    await Session(city, resident).end()
    await records.sweep(now() + KEPT)
    kept, _ = await records.since(now() - KEPT)
    assert kept
    await records.sweep(now() + KEPT + timedelta(minutes=2))
    assert await records.since(now() - KEPT) == ([], pytest.approx(now(), abs=timedelta(minutes=1)))
