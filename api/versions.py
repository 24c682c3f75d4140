"""Versions over HTTP: an `ETag` tells the one that is read, `If-Match` the one that a change is made on (RFC 9110)."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.errors import VersionNeeded
from api.operations import private_json
from engine.errors import InvalidInput

_ETAG = re.compile(r'"([1-9][0-9]{0,8})"')


def seen(request: Request) -> int | None:
    """Return the version that a change is made on; None for whichever is the last.

    Raises
    ------
    VersionNeeded
        The request does not say.
    InvalidInput
        It says something that was never an `ETag` of ours.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise VersionNeeded(field="If-Match")
    if given.strip() == "*":
        return None
    if (etag := _ETAG.fullmatch(given.strip())) is None:
        raise InvalidInput('Send the `ETag` as it came, such as "3", with its quotes.', field="If-Match")
    return int(etag[1])


def versioned(value: Any, version: int, status: int = 200, location: str | None = None) -> Response:  # noqa: ANN401 - JSON
    """Answer with a version, and how to name it."""
    answer = private_json(value, status)
    answer.headers["ETag"] = f'"{version}"'
    if location is not None:
        answer.headers["Location"] = location
    return answer
