"""The OpenAPI 3.1 document, made of the operations themselves and of the types they read and write."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from api import errors
from api.access import PERSON_SCHEMA, RESIDENT_SCHEMA
from api.faults import END
from api.operations import Answer, Operation
from engine.addresses import Means
from engine.choices import FAMILIES
from engine.consent import Purpose
from engine.errors import InvalidInput, Outdated, Unavailable, VinkkiError
from engine.removal import SECTIONS

VERSION = "1.0.0"
"""Of the contract, not of the program: it changes when a caller has to."""

DESCRIPTION = """\
Suggestions of events, courses, volunteer tasks and spaces for the residents of a city, with their consent.

Offers and purposes are open data. Everything about a resident needs a bearer token: a resident's own, which reaches
nobody but them and those they may act for, or a service's with the scope that the operation names. Every error is
`application/problem+json` (RFC 9457) with a stable `code`, the fields concerned and the remedy. Times carry an offset.
An unknown field or parameter is refused by name.
"""
_REF = "#/components/schemas/{name}"
_ALWAYS: tuple[type[VinkkiError], ...] = (Unavailable,)
_TEXT = {"type": "string", "minLength": 1}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The `ETag` of the version that the change is made on; `*` for whichever is the last.",
    "schema": {"type": "string", "pattern": '^([*]|"[1-9][0-9]{0,8}")$'},
    "example": "*",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "What names this request: sent again with the same body, it is done once.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_PATH: Mapping[str, tuple[str, Any, str]] = {
    "id": ("A resident's UUID, or `me` for the resident whose token calls.", RESIDENT_SCHEMA, "me"),
    "section": ("A section of the answer of `data`.", {"type": "string", "enum": list(SECTIONS)}, "activity"),
    "item": ("The id of an item of the section.", _TEXT, "keyword:yso:p965"),
    "code": ("A reason that can be turned off.", {"type": "string", "enum": list(FAMILIES)}, "area"),
    "handle": ("By what a partner knows a resident.", _TEXT, "9f86d081884c7d659a2feaa0c55ad015"),
    "partner": ("The id of a partner of `/v1/partners`.", _TEXT, "6f1c0e0a3d5b4b0e"),
    "offer": ("An offer's id, as its source names it.", _TEXT, "kulke:52959"),
    "place": ("A place's id, as its source names it.", _TEXT, "tprek:7254"),
    "family": ("What is avoided.", {"type": "string", "enum": ["topic", "kind", "place"]}, "topic"),
    "value": ("A keyword's or a place's id, or a kind.", _TEXT, "yso:p965"),
    "dependant": ("The UUID of somebody whose guardian one is.", PERSON_SCHEMA, "b3b0cf5e-6a1d-4a55-8f43-6d6d5a1f0c77"),
    "helper": ("A helper's UUID.", PERSON_SCHEMA, "0f9a4c1e-52c7-4a0e-9d3a-1f2b3c4d5e6f"),
    "audience": ("The id of an audience.", _TEXT, "b41c7a3f0d925e68"),
    "list": ("The id of a list of residents.", _TEXT, "5d0c1be2a4f36879"),
    "rule": ("The id of a rule or a floor.", _TEXT, "b41c7a3f0d925e68"),
    "campaign": ("The id of a campaign.", _TEXT, "5d0c9a1be37f4266"),
    "department": ("The id of a department.", _TEXT, "sport"),
    "programme": ("The id of a programme.", _TEXT, "71c0aa12f09b4d35"),
    "message": ("The id of a message.", _TEXT, "5j2h7dkq3xv6n4mzt2ywc3bqea"),
    "browser": ("The id of a browser that takes push messages.", _TEXT, "5f" * 32),
    "webhook": ("The name of a webhook.", _TEXT, "course_system"),
    "mark": ("A digest of where a measured link leads.", _TEXT, "6b86b273ff34fce19d6b804e"),
    "reference": ("What the Notification service called a text message.", _TEXT, "1784"),
    "means": ("What the address is for.", {"type": "string", "enum": list(Means)}, "email"),
    "token": ("What a stop link ends with.", _TEXT, "8sTq1hFQ4v0"),
    "purpose": ("A purpose of `/v1/purposes`.", {"type": "string", "enum": list(Purpose)}, "activity"),
}


def document(operations: Sequence[Operation], issuer: str) -> dict[str, Any]:
    """Return the document for `operations`, with tokens by OpenID Connect from `issuer`."""
    shapes = {id(shape): shape for operation in operations for shape in _shapes(operation)}
    references, schemas = msgspec.json.schema_components([errors.Problem, *shapes.values()], ref_template=_REF)
    refs = dict(zip(shapes, references[1:], strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(_template(operation.path), {})[operation.method.lower()] = _operation(operation, refs)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Vinkki", "version": VERSION, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _security(issuer)},
    }
    return dict(_plain(whole))


def _security(issuer: str) -> dict[str, Any]:
    discovery = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "oidc": {"type": "openIdConnect", "openIdConnectUrl": discovery},
        "partner": {"type": "http", "scheme": "bearer", "bearerFormat": "A partner's key"},
    }


def _shapes(operation: Operation) -> Iterable[Any]:
    """Yield the types that an operation reads and writes."""
    yield from (shape for shape in (operation.form, operation.body) if shape is not None)
    yield from (answer.shape for answer in operation.answers.values() if answer.shape is not None)


def _operation(operation: Operation, refs: Mapping[int, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(operation.form),
            *([_IF_MATCH] if operation.on_version else []),
            *([_IDEMPOTENCY_KEY] if operation.idempotent else []),
        ],
        "responses": _responses(operation, refs),
        "security": [],
    }
    if operation.scope is not None:
        found["security"] = [{"bearer": []}]
        found["description"] += f"\n\nA service's token needs the scope `{operation.scope}`."
    if operation.keyed:
        found["security"] = [{"partner": []}]
    if operation.body is not None:
        content = {"schema": refs[id(operation.body)], "example": operation.example}
        found["requestBody"] = {"required": True, "content": {operation.takes: content}}
    return found


def _template(path: str) -> str:
    """Return a path as OpenAPI writes it: without what a parameter may hold."""
    return path.replace(":path}", "}")


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part[1:-1].partition(":")[0]
            description, shape, example = _PATH[name]
            place = {"name": name, "in": "path", "required": True, "description": description}
            yield {**place, "schema": shape, "example": example}


def _query_parameters(form: type | None) -> Iterable[dict[str, Any]]:
    if form is None:
        return
    _, schemas = msgspec.json.schema_components([form], ref_template=_REF)
    for name, schema in schemas[form.__name__]["properties"].items():
        shape = next((one for one in schema.get("anyOf", ()) if one != {"type": "null"}), schema)
        shape = {key: value for key, value in {**shape, "default": schema.get("default")}.items() if value is not None}
        yield {
            "name": name,
            "in": "query",
            "required": False,
            "allowEmptyValue": True,
            "description": shape.pop("description", ""),
            "schema": shape,
        }


def _responses(operation: Operation, refs: Mapping[int, Any]) -> dict[str, Any]:
    kinds = {*operation.problems, *_ALWAYS}
    if operation.scope is not None or operation.keyed:
        kinds |= {errors.Unauthenticated, errors.Forbidden}
    if operation.form is not None or operation.path.count("{"):
        kinds.add(InvalidInput)
    if operation.on_version:
        kinds |= {InvalidInput, Outdated, errors.VersionNeeded}
    if operation.body is not None:
        kinds |= {InvalidInput, errors.MalformedBody, errors.BodyTooLarge, errors.UnsupportedBody}
    statuses = sorted({errors.status_of(kind) for kind in kinds})
    good = {
        str(status): _answer(answer, refs) if status != HTTPStatus.NO_CONTENT else {"description": answer.meaning}
        for status, answer in operation.answers.items()
    }
    return good | {str(int(status)): _problem(status) for status in statuses}


def _answer(answer: Answer, refs: Mapping[int, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"type": "string"} if answer.shape is None else refs[id(answer.shape)]}
    if answer.example is not None:
        content["example"] = answer.example
    others = {media_type: {"schema": {"type": "string"}} for media_type in answer.also}
    return {"description": answer.meaning, "content": {answer.media_type: content, **others}}


def _problem(status: HTTPStatus) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": status.phrase, "content": {errors.MEDIA_TYPE: {"schema": schema}}}


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return plain JSON values (defaults may be tuples and enums); patterns lose what only Python needs."""
    return msgspec.json.decode(msgspec.json.encode(value).replace(msgspec.json.encode(END)[1:-1], b"$"))
