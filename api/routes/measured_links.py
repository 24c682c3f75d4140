"""Measured links: they lead on whatever happens, and are counted for who allows `measurement` at that moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.errors import answer, problem
from api.html import el, page
from api.operations import Answer, Operation
from campaigns.measured_links import PATH, LinkForeign, MeasuredLinks
from campaigns.records.deliveries import Told
from engine.consent import Consents, Permit, Purpose
from engine.errors import StoreUnavailable
from engine.events import Pseudonym
from engine.language import Language
from engine.telemetry import logger

HEADERS = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
_LONGEST = 4000
_FOREIGN = {
    "fi": "Tämä linkki ei ole palvelusta. Se voi olla vajaa: kopioi se viestistä kokonaan.",
    "sv": "Den här länken är inte från tjänsten. Den kan vara ofullständig: kopiera den hel från meddelandet.",
    "en": "This link is not from the service. It may be incomplete: copy it whole from the message.",
}
log = logger("api")
ABOUT = """\
Stands in messages of residents who allow `measurement`; in those of others the address stands plainly. It leads on to
an address that the house itself has put into a message, and nowhere else. That it was followed is kept once, while
`measurement` is allowed, and told in counts alone."""


class Destination(msgspec.Struct, frozen=True):
    """Where a link leads."""

    to: str


class Deliveries(Protocol):
    """What became of each message (`campaigns.records.deliveries`)."""

    async def of_message(self, message: str) -> Told | None:
        """Return whose delivery has a Message-ID."""


class Ledger(Protocol):
    """What knows consents (`engine.ledger.ConsentLedger`)."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""


class Follows(Protocol):
    """What was followed (`campaigns.records.follows`)."""

    async def add(self, permit: Permit, run: str, link: str, now: datetime) -> None:
        """Note that a link was followed."""


@dataclass(frozen=True, slots=True)
class MeasuredLinkRoutes:
    """Leads on, and notes that a link was followed where that is allowed."""

    links: MeasuredLinks
    deliveries: Deliveries
    ledger: Ledger
    follows: Follows
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path=f"{PATH}{{message}}/{{mark}}",
                name="follow_link",
                summary="Follow a link of a message",
                description=ABOUT,
                tag="Stopping messages",
                handler=self.follow,
                form=Destination,
                answers={302: Answer("It leads on", media_type="text/html")},
                problems=(LinkForeign,),
            ),
        )

    async def follow(self, request: Request) -> Response:
        """Answer `GET /m/{message}/{mark}`."""
        mark, asked = request.path_params["mark"], request.query_params.get("to", "")[:_LONGEST]
        try:
            to = self.links.read(mark, asked)
        except LinkForeign as error:
            return _foreign(request, error)
        # A browser that only looks ahead, or a scanner that asks for the head, follows nothing.
        ahead = "prefetch" in (request.headers.get("sec-purpose", "") + request.headers.get("purpose", ""))
        if request.method == "GET" and not ahead:
            await self._note(request.path_params["message"], to)
        return RedirectResponse(to, HTTPStatus.FOUND, HEADERS)

    async def _note(self, message: str, to: str) -> None:
        """Note it where that is allowed; a store that is away keeps nobody from following a link."""
        try:
            told = await self.deliveries.of_message(message)
            if told is None:
                return
            now = self.clock()
            permit = (await self.ledger.consents(told.resident)).permit(Purpose.MEASUREMENT, now)
            if isinstance(permit, Permit):
                await self.follows.add(permit, told.run, to, now)
        except StoreUnavailable as error:
            log.warning("link_not_counted", code=error.code)


def _foreign(request: Request, error: LinkForeign) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return answer(problem(error.code, HTTPStatus.NOT_FOUND, error.detail), HEADERS)
    said = [el("p", text, lang=code) for code, text in _FOREIGN.items()]
    found = page("Vinkki", el("h1", "Vinkki"), *said, language=Language.FI)
    found.status_code = HTTPStatus.NOT_FOUND
    found.headers.update(HEADERS)
    return found
