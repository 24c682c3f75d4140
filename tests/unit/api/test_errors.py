from collections.abc import Iterator

import msgspec
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.exceptions import HTTPException

from api import errors
from engine import errors as engine


def every(kind: type[engine.VinkkiError] = engine.VinkkiError) -> Iterator[type[engine.VinkkiError]]:
    for child in kind.__subclasses__():
        yield child
        yield from every(child)


@pytest.mark.parametrize("kind", list(every()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_a_code_and_words_that_end_in_a_full_stop(kind):
    assert 400 <= errors.status_of(kind) < 600
    assert kind.code.replace("_", "").isalpha()
    assert (kind.__doc__ or "").split("\n")[0].endswith(".")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (engine.InvalidInput, 422),
        (engine.UnknownNotice, 409),
        (engine.NotFound, 404),
        (engine.ConsentRequired, 403),
        (engine.StoreUnavailable, 503),
        (engine.BrokerUnavailable, 503),
        (errors.MalformedBody, 400),
        (errors.BodyTooLarge, 413),
        (errors.UnsupportedBody, 415),
        (errors.Unauthenticated, 401),
        (errors.Forbidden, 403),
    ],
)
def test_the_table_says_which_status_an_error_has(kind, status):
    assert errors.status_of(kind) == status


def test_an_error_that_is_not_listed_answers_as_its_parent_does():
    class Odd(engine.NotFound):
        """Odd."""

    assert errors.status_of(Odd) == 404


async def answer(error: Exception, path: str = "/fails/1"):
    app = FastAPI()
    errors.install(app)

    @app.get("/fails/{n}")
    async def fails(n: int) -> None:
        raise error if n else ValueError

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        return await client.get(path)


async def test_a_problem_names_the_field_and_the_remedy():
    got = await answer(engine.InvalidInput("Use another.", field="events.3.time"))
    assert got.status_code == 422
    assert got.headers["content-type"] == "application/problem+json"
    assert msgspec.json.decode(got.content, type=errors.Problem) == errors.Problem(
        type="/docs#problem-invalid_input",
        title="Invalid input",
        status=422,
        detail="Use another.",
        code="invalid_input",
        errors=[errors.FieldError("events.3.time", "Use another.")],
    )


async def test_several_fields_are_named_at_once():
    named = [errors.FieldError("a", "Not this."), errors.FieldError("b", "Nor that.")]
    got = (await answer(errors.Faults(named))).json()
    assert got["errors"] == [{"field": "a", "detail": "Not this."}, {"field": "b", "detail": "Nor that."}]
    assert got["detail"].startswith("Several fields")


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.Unauthenticated(), "www-authenticate", "Bearer"),
        (errors.Unauthenticated("No.", reason="expired"), "www-authenticate", 'Bearer error="invalid_token"'),
        (
            errors.Forbidden(scope="consents:read"),
            "www-authenticate",
            'Bearer error="insufficient_scope", scope="consents:read"',
        ),
        (engine.BrokerUnavailable(), "retry-after", "5"),
    ],
)
async def test_a_refusal_says_in_its_headers_what_to_do(error, header, value):
    assert (await answer(error)).headers[header] == value


async def test_what_the_framework_refuses_is_a_problem_too():
    for got, status, code in (
        (await answer(HTTPException(405, headers={"Allow": "PUT"})), 405, "method_not_allowed"),
        (await answer(HTTPException(418)), 418, "i'm_a_teapot"),
        (await answer(ValueError(), "/nowhere"), 404, "not_found"),
        (await answer(ValueError(), "/fails/x"), 422, "invalid_input"),
    ):
        assert (got.status_code, got.json()["code"]) == (status, code)
        assert got.headers["content-type"] == "application/problem+json"
    assert got.json()["errors"][0]["field"] == "n"


def test_the_list_for_people_holds_every_code_once():
    codes = [code for code, _, _ in errors.catalogue()]
    assert len(codes) == len(set(codes))
    assert {kind.code for kind in every()} <= set(codes)
