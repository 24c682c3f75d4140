import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from api import errors, logout_token
from api.access import Scope, Standing, TokenVerifier
from api.demo_login import challenge
from api.issuer import DemoIssuer, address, token_verifier
from api.keys import FixedKeys
from api.routes.demo_issuer import DemoIssuerRoutes
from engine.errors import VinkkiError
from engine.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8123"
VERIFIER = "v" * 43
PERSONA = str(uuid4())


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(tmp_path):
    return DemoIssuer(tmp_path, address(BASE), "vinkki-api")


@pytest.fixture
def verifier(issuer):
    return TokenVerifier(issuer.issuer, issuer.audience, FixedKeys(issuer.public_keys))


@pytest.fixture
def browser(issuer, clock):
    handlers = {VinkkiError: errors.explain_ours}
    app = Starlette(routes=DemoIssuerRoutes(issuer, clock).routes(), exception_handlers=handlers)
    return AsyncClient(transport=ASGITransport(app=app), base_url=BASE)


async def test_each_kind_of_token_is_taken_for_what_it_is(issuer, verifier):
    person = uuid4()
    resident = await verifier.verify(issuer.resident(person, NOW), NOW)
    assert (resident.standing, resident.person) == (Standing.RESIDENT, person)
    service = await verifier.verify(issuer.service("app", ["interactions:write", "gdprquery"], NOW), NOW)
    assert (service.standing, service.person) == (Standing.SERVICE, None)
    assert service.scopes == {Scope.INTERACTIONS_WRITE, Scope.GDPR_QUERY}
    about = await verifier.verify(issuer.service("gdpr", ["gdprquery"], NOW, subject=person), NOW)
    assert (about.standing, about.person) == (Standing.SERVICE, person)
    staff = await verifier.verify(issuer.staff("aino@hel.fi", NOW), NOW)
    assert staff.standing is Standing.STAFF


async def test_a_token_lives_for_an_hour(issuer, verifier):
    token = issuer.resident(uuid4(), NOW)
    assert await verifier.verify(token, NOW + timedelta(minutes=60))
    with pytest.raises(errors.Unauthenticated):
        await verifier.verify(token, NOW + timedelta(minutes=61))


def test_the_key_is_made_once_for_all_and_is_for_its_owner_alone(tmp_path):
    def kid(_):
        return DemoIssuer(tmp_path / "home", "i", "a").public_keys.keys[0].kid

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(kid, range(4)))) == 1
    (file,) = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b'"d"' not in msgspec.json.encode(DemoIssuer(tmp_path / "home", "i", "a").public_keys.as_dict(private=False))


def test_the_issuer_that_is_set_is_the_one_believed(tmp_path):
    settings = Settings(home=tmp_path)
    assert token_verifier(settings, BASE).issuer == f"{BASE}/demo-issuer"
    other = token_verifier(settings.model_copy(update={"issuer": "https://tunnistus.test/realm"}), BASE)
    assert (other.issuer, other.audience) == ("https://tunnistus.test/realm", "vinkki-api")


LOG_IN = {
    "client_id": "vinkki-app",
    "redirect_uri": f"{BASE}/app?lang=sv",
    "response_type": "code",
    "code_challenge": challenge(VERIFIER),
    "code_challenge_method": "S256",
    "state": "st<a>te",
    "scope": "openid",
}


async def log_in(browser, persona=""):
    sent = await browser.post("/demo-issuer/authorize", data={**LOG_IN, "persona": persona})
    back = urlsplit(sent.headers["location"])
    assert (sent.status_code, back.path) == (303, "/app")
    return parse_qs(back.query)


async def exchange(browser, code, verifier=VERIFIER):
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": "vinkki-app"}
    return await browser.post("/demo-issuer/token", data=form)


async def test_a_browser_logs_in_by_code_and_verifier(browser, verifier, tmp_path):
    person = uuid4()
    (tmp_path / "personas.json").write_bytes(msgspec.json.encode([{"id": person, "name": "Aino & <Onni>"}]))
    page = await browser.get("/demo-issuer/authorize", params=LOG_IN | {"ui_locales": "de sv"})
    assert page.status_code == 200
    assert "Aino &amp; &lt;Onni&gt;" in page.text
    assert '<html lang="sv">' in page.text
    assert "En ny invånare" in page.text
    back = await log_in(browser, str(person))
    assert (back["state"], back["lang"]) == (["st<a>te"], ["sv"])
    token = (await exchange(browser, back["code"][0])).json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert (await verifier.verify(token["access_token"], NOW)).person == person


async def test_a_new_resident_is_somebody_new_each_time(browser, verifier):
    people = set()
    for _ in range(2):
        token = (await exchange(browser, (await log_in(browser))["code"][0])).json()["access_token"]
        people.add((await verifier.verify(token, NOW)).person)
    assert len(people) == 2


async def test_a_code_is_good_once_for_a_minute_and_for_its_own_verifier(browser, clock):
    code = (await log_in(browser))["code"][0]
    assert (await exchange(browser, code)).status_code == 200
    assert (await exchange(browser, code)).status_code == 422
    stolen = (await log_in(browser))["code"][0]
    assert (await exchange(browser, stolen, "w" * 43)).status_code == 422
    assert (await exchange(browser, stolen)).status_code == 422
    late = (await log_in(browser))["code"][0]
    clock.now = NOW + timedelta(seconds=61)
    assert (await exchange(browser, late)).status_code == 422


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"redirect_uri": "https://evil.test/app"}, "redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uri": f"{BASE}@evil.test/"}, "redirect_uri"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"code_challenge": ""}, "code_challenge"),
        ({"response_type": "token"}, "response_type"),
    ],
)
async def test_a_code_goes_nowhere_else_and_never_without_a_challenge(browser, changed, field):
    for got in (
        await browser.get("/demo-issuer/authorize", params={**LOG_IN, **changed}),
        await browser.post("/demo-issuer/authorize", data={**LOG_IN, **changed}),
    ):
        assert got.status_code == 422
        assert got.json()["errors"][0]["field"] == field


async def test_a_persona_is_one_of_the_page(browser):
    got = await browser.post("/demo-issuer/authorize", data={**LOG_IN, "persona": "root"})
    assert got.json()["errors"][0]["field"] == "persona"


async def test_discovery_leads_to_the_public_keys(browser, issuer):
    found = (await browser.get("/demo-issuer/.well-known/openid-configuration")).json()
    assert found["issuer"] == issuer.issuer
    keys = (await browser.get(found["jwks_uri"])).json()["keys"]
    assert [set(key) & {"d", "p", "q"} for key in keys] == [set()]


async def test_a_form_that_is_far_too_long_is_refused(browser):
    got = await browser.post("/demo-issuer/token", content=b"a" * 10_000)
    assert got.status_code == 422


class Api:
    """What stands at the other end of the back channel, and what it was told."""

    def __init__(self, status=200):
        self.status, self.told = status, []

    async def take(self, request):
        async with request.form() as form:
            self.told.append(form["logout_token"])
        return Response(status_code=self.status)

    def transport(self):
        return ASGITransport(app=Starlette(routes=[Route("/logout/backchannel", self.take, methods=["POST"])]))


def parting(issuer, clock, api):
    app = Starlette(
        routes=DemoIssuerRoutes(issuer, clock, api.transport()).routes(),
        exception_handlers={VinkkiError: errors.explain_ours},
    )
    return AsyncClient(transport=ASGITransport(app=app), base_url=BASE)


async def test_signing_out_tells_the_api_of_this_session_by_a_real_logout_token(issuer, verifier, clock):
    api = Api()
    browser = parting(issuer, clock, api)
    first, other = [(await exchange(browser, (await log_in(browser, PERSONA))["code"][0])).json() for _ in range(2)]
    end = (await browser.get("/demo-issuer/.well-known/openid-configuration")).json()["end_session_endpoint"]
    clock.now = NOW + timedelta(minutes=5)
    assert (await browser.post(end, data={"id_token_hint": first["id_token"], "client_id": "x"})).status_code == 200
    verifier.end([await logout_token.read(api.told[0], verifier, clock.now)], clock.now)
    with pytest.raises(errors.Unauthenticated) as caught:
        await verifier.verify(first["access_token"], clock.now)
    assert caught.value.reason == "ended"
    assert await verifier.verify(other["access_token"], clock.now)


async def test_only_an_identity_token_of_ours_signs_out(issuer, clock, tmp_path):
    api = Api()
    browser = parting(issuer, clock, api)
    stranger = DemoIssuer(tmp_path / "other", issuer.issuer, issuer.audience)
    access = issuer.resident(uuid4(), NOW)
    for hint in ("", "x.y.z", access, stranger.identity(uuid4(), NOW, "s"), issuer.logout(identity(issuer), NOW)):
        got = await browser.post("/demo-issuer/logout", data={"id_token_hint": hint})
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "id_token_hint")
    assert api.told == []


async def test_a_sign_out_that_the_api_does_not_take_says_so(issuer, clock):
    got = await parting(issuer, clock, Api(503)).post("/demo-issuer/logout", data={"id_token_hint": identity(issuer)})
    assert got.status_code == 503


def identity(issuer):
    return issuer.identity(uuid4(), NOW, "a session")
