"""Linked Events over HTTP: page by page, politely, with patience for a busy server."""

from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import quote

import httpx
import stamina

from engine.errors import InvalidInput, Unavailable
from stream.sources.linked_events.source import PAGE_SIZE, Page, Unreadable, page_items, parse

LIVE = "https://api.hel.fi/linkedevents/v1/"
ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 120.0
_HEADERS = {"User-Agent": "Vinkki event recommendations (nightly catalogue import)", "Accept": "application/json"}
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
_ASKED = {
    "event_type": "General,Course,Volunteering",
    "include": "registration",
    # The default order (last modified first) loses records while the pages move under the reader.
    "sort": "start_time",
}


class LinkedEvents:
    """The interface at an address; one request at a time.

    Parameters
    ----------
    address
        ``https://host/linkedevents/v1/``; one that ends in ``/event/?...`` adds its filters to each request.
    say
        Told of each retry.
    """

    def __init__(self, address: str, say: Callable[[str], None]) -> None:
        url = httpx.URL(address)
        self.origin = address
        self._base = str(url.copy_with(query=None, fragment=None)).rstrip("/").removesuffix("/event")
        self._filters = dict(url.params)
        self._say = say
        self._http = httpx.AsyncClient(headers=_HEADERS, timeout=_TIMEOUT, follow_redirects=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def pages(self, after: int, since: str | None) -> AsyncIterator[Page]:
        """Yield pages of records: all that are not over or, with `since`, all that changed, deleted ones too.

        What changed is asked for without a limit in time: a postponed event has no date that could pass one.
        """
        changes = {"last_modified_since": since, "show_deleted": "true"} if since else {"start": "now"}
        async for page in self._walk("event", {**_ASKED, **changes, **self._filters}, after):
            yield page

    async def listed(self, kind: str) -> AsyncIterator[Mapping[str, object]]:
        """Yield the places or keywords that coming events use."""
        async for page in self._walk(kind, {"has_upcoming_events": "true", "sort": "id"}, 0):
            for item in page.items:
                if isinstance(item, dict):
                    yield item

    async def one(self, kind: str, id_: str) -> Mapping[str, object] | None:
        """Return one place, keyword or organisation; None where it is gone."""
        content = await self._get(f"{kind}/{quote(id_, safe=':')}/", {})
        return content if isinstance(content, dict) else None

    async def _walk(self, path: str, asked: Mapping[str, str], after: int) -> AsyncIterator[Page]:
        number, more = after, True
        while more:
            number += 1
            content = await self._get(f"{path}/", {**asked, "page_size": str(PAGE_SIZE), "page": str(number)})
            if content is None:  # past the last page, or the last page went away under us
                return
            meta = content.get("meta") if isinstance(content, dict) else None
            meta = meta if isinstance(meta, dict) else {}
            items, count = page_items(content), meta.get("count")
            records = count if isinstance(count, int) else len(items)
            yield Page(number, max(number, -(-records // PAGE_SIZE)), records, items)
            more = bool(meta.get("next")) and bool(items)

    async def _get(self, path: str, asked: Mapping[str, str]) -> object | None:
        """Fetch and parse, again and again where that helps; None where the server says it is gone.

        Raises
        ------
        Unavailable
            The server does not answer after all attempts.
        InvalidInput
            The server refuses what is asked: the address is wrong.
        """
        url = f"{self._base}/{path}"
        try:
            async for attempt in stamina.retry_context(
                self._pause, attempts=ATTEMPTS, timeout=600.0, wait_initial=0.5, wait_max=30.0
            ):
                with attempt:
                    answer = await self._http.get(url, params=asked)
                    if answer.status_code in _GONE:
                        return None
                    answer.raise_for_status()
                    return _checked(parse(answer.content))
        except httpx.HTTPStatusError as error:
            if _passes(error.response):
                raise Unavailable(
                    f"{url} answers {error.response.status_code}; import again, it goes on here."
                ) from error
            raise InvalidInput(f"{url} answers {error.response.status_code}: check the address.") from error
        except (httpx.HTTPError, Unreadable) as error:
            raise Unavailable(f"{url} cannot be read ({error!r}); import again, it goes on here.") from error
        return None

    def _pause(self, error: Exception) -> bool | float:
        """Say whether to try again, and after how many seconds where the server names them."""
        if isinstance(error, httpx.HTTPStatusError):
            if not _passes(error.response):
                return False
            self._say(f"The source answers {error.response.status_code}; trying again.")
            return min(wait, LONGEST_WAIT_SECONDS) if (wait := _retry_after(error.response)) is not None else True
        if isinstance(error, httpx.TransportError | Unreadable):
            self._say(f"The source broke off ({type(error).__name__}); trying again.")
            return True
        return False


def _checked(content: object) -> object:
    if not isinstance(content, dict):
        raise Unreadable("The answer is not a JSON object.")
    return content


def _passes(answer: httpx.Response) -> bool:
    return answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code in (
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.REQUEST_TIMEOUT,
    )


def _retry_after(answer: httpx.Response) -> float | None:
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        # As a date it is meant against the server's own clock.
        wait = parsedate_to_datetime(told) - parsedate_to_datetime(answer.headers["Date"])
    except (ValueError, KeyError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
