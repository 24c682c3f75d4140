import asyncio

import pytest
from httpx import ASGITransport, AsyncClient
from prometheus_client import CollectorRegistry, Histogram
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from api.middleware import Doorkeeper
from api.operations import Endpoint
from engine import telemetry


async def fine(_: Request) -> PlainTextResponse:
    return PlainTextResponse(telemetry.correlation.get() or "", headers={"Referrer-Policy": "same-origin"})


async def broken(_: Request) -> PlainTextResponse:
    raise RuntimeError("the secret of 3f1c: Aino Virtanen")


async def left(_: Request) -> PlainTextResponse:
    raise ClientDisconnect


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def client(registry):
    routes = [
        Endpoint("/residents/{id}", {"GET": ("read", fine), "PUT": ("write", fine)}),
        Endpoint("/broken", {"GET": ("break", broken)}),
        Endpoint("/left", {"GET": ("leave", left)}),
    ]
    latency = Histogram("seconds", "Time to answer", ["route"], registry=registry)
    app = Starlette(routes=routes, middleware=[Middleware(Doorkeeper, latency=latency)])
    return AsyncClient(transport=ASGITransport(app=app), base_url="http://test")


async def test_a_well_formed_request_id_is_taken_over_into_logs_and_answer(client):
    got = await client.get("/residents/1", headers={"X-Request-ID": "app-7.1_x"})
    assert got.headers["x-request-id"] == got.text == "app-7.1_x"


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "<b>", "a\u00e4"])
async def test_any_other_request_id_is_replaced(client, given):
    got = await client.get("/residents/1", headers={"X-Request-ID": given.encode()})
    assert got.headers["x-request-id"] == got.text
    assert len(got.text) == 16


async def test_each_request_has_its_own_id_even_at_the_same_time(client):
    answers = await asyncio.gather(*(client.get("/residents/1") for _ in range(20)))
    assert len({answer.text for answer in answers}) == 20
    assert telemetry.correlation.get() is None


async def test_every_answer_carries_the_security_headers_and_a_route_may_set_its_own(client):
    for path in ("/residents/1", "/broken", "/nowhere"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (await client.get("/residents/1")).headers.get_list("referrer-policy") == ["same-origin"]


async def test_what_nobody_foresaw_is_a_problem_without_its_words_in_answer_or_log(client, capsys):
    got = await client.get("/broken")
    assert (got.status_code, got.json()["code"]) == (500, "internal_error")
    assert got.json()["instance"].endswith(got.headers["x-request-id"])
    said = capsys.readouterr()
    assert "RuntimeError" in said.out + said.err
    assert "broken" in said.out + said.err
    assert "Aino" not in got.text + said.out + said.err


async def test_latency_is_put_down_by_the_template_of_the_route(client, registry):
    person = "0d3cf4b6-4f3e-4a3e-8f6e-0a2f6f6b7c11"
    await client.get(f"/residents/{person}")
    await client.put(f"/residents/{person}")
    await client.get(f"/nowhere/{person}")
    assert registry.get_sample_value("seconds_count", {"route": "/residents/{id}"}) == 2
    assert registry.get_sample_value("seconds_count", {"route": "other"}) == 1


async def test_all_methods_of_a_path_are_told_where_another_is_tried(client):
    got = await client.delete("/residents/1")
    assert got.status_code == 405
    assert set(got.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT"}


async def test_a_client_that_left_is_not_answered(client):
    with pytest.raises(AssertionError):  # of httpx's transport, which misses an answer that nobody is there to take
        await client.get("/left")


async def test_other_traffic_passes_untouched():
    seen = []

    async def app(scope, _, __) -> None:
        seen.append(scope["type"])

    await Doorkeeper(app)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
