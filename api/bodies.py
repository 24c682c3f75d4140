"""Reads request bodies: JSON alone, of a bounded size, into the type that is asked for."""

from typing import Generic, TypeVar

import msgspec
from starlette.requests import Request

from api.errors import BodyTooLarge, Faults, FieldError, UnsupportedBody
from api.faults import NUL_REMEDY, explain, malformed, nul_in

SMALL_BYTES = 65_536
ESCAPED_NUL = b"\\u0000"
"""The only way in which JSON can hold the character NUL; a cheap look for it spares walking the value."""

_T = TypeVar("_T")


async def read(request: Request, limit_bytes: int, takes: str = "application/json") -> bytes:
    """Return the body.

    Raises
    ------
    UnsupportedBody
        It is not declared as what is taken, JSON where nothing else is said.
    BodyTooLarge
        It is longer than `limit_bytes`; what is too much is not kept.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != takes and not (takes == "application/json" and declared.endswith("+json")):
        raise UnsupportedBody(field="Content-Type")
    chunks, size = [], int(length) if (length := request.headers.get("content-length", "")).isdecimal() else 0
    if size <= limit_bytes:
        size = 0
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit_bytes:
                break
    if size > limit_bytes:
        raise BodyTooLarge(f"The body may have at most {limit_bytes:,} bytes; send it in smaller parts.", field="body")
    return b"".join(chunks)


class Reader(Generic[_T]):
    """Reads small bodies of one type.

    Parameters
    ----------
    form
        A msgspec type that forbids unknown fields.
    limit_bytes
        How long a body may be.
    """

    def __init__(self, form: type[_T], limit_bytes: int = SMALL_BYTES) -> None:
        self._limit = limit_bytes
        self._form = form
        self._decoder = msgspec.json.Decoder(form)

    async def __call__(self, request: Request) -> _T:
        """Return the body of `request`.

        Raises
        ------
        InvalidInput
            It is too large, not JSON, or not of the form; the error names the field.
        """
        raw = await read(request, self._limit)
        try:
            value = self._decoder.decode(raw)
            faults = [*nul_in(msgspec.json.decode(raw))] if ESCAPED_NUL in raw else []
        except msgspec.ValidationError as error:
            raise Faults([explain(error, self._form).error()]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(error) from error
        if faults:
            raise Faults([FieldError(field, NUL_REMEDY) for field in faults])
        return value
