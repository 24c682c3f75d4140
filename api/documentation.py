"""`/docs`: the OpenAPI document for people, as one plain page that loads nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import errors
from api.html import STYLE, STYLE_PATH, Node, el, page, table
from api.operations import JSON

Document = Mapping[str, Any]


def routes(document: Document) -> list[Route]:
    """Return the routes of the document and of its page."""
    raw = json.dumps(document, ensure_ascii=False).encode()

    async def as_json(_: Request) -> Response:
        return Response(raw, media_type="application/json")

    async def as_page(_: Request) -> Response:
        return page("Vinkki API", *_sections(document))

    async def style(_: Request) -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})

    return [Route("/openapi.json", as_json), Route("/docs", as_page), Route(STYLE_PATH, style)]


def _sections(document: Document) -> Iterator[Node]:
    info = document["info"]
    yield el("h1", "Vinkki API ", info["version"])
    yield from _paragraphs(info["description"])
    machines = el("a", "OpenAPI 3.1 document", href="/openapi.json")
    command = el("code", "vinkki token resident UUID")
    yield el("p", "For machines: the ", machines, ". For a token of the demo: ", command, ".")
    yield _contents(document)
    for tag in _tags(document):
        yield el("h2", tag)
        for path, method, operation in _operations(document):
            if operation["tags"] == [tag]:
                yield _operation(path, method, operation)
    yield _problems()
    yield el("h2", "Types", id="types")
    for name, schema in document["components"]["schemas"].items():
        yield el("details", el("summary", el("code", name)), _code(schema), id=f"type-{name}")


def _operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _tags(document: Document) -> list[str]:
    return list(dict.fromkeys(operation["tags"][0] for _, _, operation in _operations(document)))


def _contents(document: Document) -> Node:
    items = [
        el("li", el("a", *_title(path, method), href=f"#{operation['operationId']}"), f" {operation['summary']}")
        for path, method, operation in _operations(document)
    ]
    return el("nav", el("ul", *items), aria_label="Operations")


def _title(path: str, method: str) -> tuple[Node, Node]:
    return el("span", method, class_="method"), el("code", path)


_NEEDS = {"bearer": "Needs a bearer token.", "partner": "Needs a partner's key.", "": "Open: no token needed."}


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Node:
    parts = [el("h3", *_title(path, method), id=operation["operationId"]), el("p", operation["summary"], ".")]
    parts += _paragraphs(operation["description"])
    parts.append(el("p", _NEEDS[next(iter(operation["security"][0])) if operation["security"] else ""]))
    if operation["parameters"]:
        rows = [_parameter(parameter) for parameter in operation["parameters"]]
        parts.append(table("Parameters", ("Name", "In", "Form", "Meaning"), rows))
    if "requestBody" in operation:
        ((media_type, content),) = operation["requestBody"]["content"].items()
        kind = "Body: " if media_type == JSON else "Body, as a form: "
        parts += [el("p", kind, _type(content["schema"])), _code(content["example"])]
    rows = [_response(status, response) for status, response in operation["responses"].items()]
    parts.append(table("Answers", ("Status", "Meaning", "Type"), rows))
    parts += _examples(operation)
    return el("section", *parts)


def _examples(operation: Mapping[str, Any]) -> Iterator[Node]:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if "example" in content:
                yield el("p", f"Example of {status}:")
                yield _code(content["example"])


def _parameter(parameter: Mapping[str, Any]) -> tuple[Node | str, ...]:
    form = {key: value for key, value in parameter["schema"].items() if key not in ("title", "examples")}
    return el("code", parameter["name"]), parameter["in"], _type(form), _text(parameter["description"])


def _response(status: str, response: Mapping[str, Any]) -> tuple[Node | str, ...]:
    content = next(iter(response.get("content", {}).values()), None)
    return status, response["description"], "" if content is None else _type(content["schema"])


def _type(schema: Mapping[str, Any]) -> Node:
    """Name a schema: a link where it has a section of its own, else its few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return el("a", name, href=f"#type-{name}")
    rest = {key: value for key, value in schema.items() if key not in ("items", "type")}
    words = [f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in rest.items()]
    inner: list[Node | str] = [str(schema.get("type", "any"))]
    if "items" in schema:
        inner += [" of ", _type(schema["items"])]
    return el("span", *inner, *(f", {word}" for word in words))


def _problems() -> Node:
    rows: list[tuple[Node | str, ...]] = [
        (el("code", code, id=f"problem-{code}"), str(status), _text(meaning))
        for code, status, meaning in errors.catalogue()
    ]
    return el("section", el("h2", "Problems"), table("Codes of problems", ("Code", "Status", "Meaning"), rows))


def _paragraphs(text: str) -> list[Node]:
    return [el("p", *_words(paragraph)) for paragraph in text.split("\n\n") if paragraph.strip()]


def _text(text: str) -> Node:
    return el("span", *_words(text))


def _words(text: str) -> Iterator[Node | str]:
    """Turn text in backticks into code."""
    for index, part in enumerate(text.split("`")):
        yield el("code", part) if index % 2 else part


def _code(value: Any) -> Node:  # noqa: ANN401 - JSON
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return el("pre", el("code", text), tabindex="0")  # it scrolls, so a keyboard must reach it
