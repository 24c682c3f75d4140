"""What a partner reads with its own key: the handles of those who grant it, and what each of them allows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.errors import Unauthenticated
from api.faults import END
from api.gate import Gate, bearer
from api.operations import Answer, Operation, private_json
from api.routes.partners import TAG
from engine.errors import NotFound
from engine.partners import KEY_PREFIX, Partner
from engine.records.partners import PartnerRecords
from engine.sharing import Shared, show

_HANDLE = re.compile(r"[0-9a-f]{32}")
KEY_NEEDED = (
    "Needs a partner's key in the place of a token. What it opens is the scope that the partner was registered for."
)


class HandlePage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of the list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many at most")] = 100
    after: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{32})?" + END, description="`next` of the page before")] = ""


class Handle(msgspec.Struct, frozen=True):
    """By what a partner knows a resident."""

    handle: str


class Handles(msgspec.Struct, frozen=True):
    """Residents who grant the partner now; `next` is null at the end."""

    items: Sequence[Handle]
    next: str | None


class OneShared(msgspec.Struct, frozen=True):
    """What a resident shares: the partner's fields. Null is not known or not allowed; which of the two is not told."""

    handle: str
    fields: Shared


EXAMPLE_HANDLE = "9f86d081884c7d659a2feaa0c55ad015"
EXAMPLE = {
    "handle": EXAMPLE_HANDLE,
    "fields": {"interests": {"keywords": ["yso:p965"], "kinds": ["course"]}, "languages": ["fi"]},
}


@dataclass(frozen=True, slots=True)
class SharingRoutes:
    """Shows partners what residents grant."""

    gate: Gate
    partners: PartnerRecords

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path = "/v1/partner/residents"
        return (
            Operation(
                method="GET",
                path=path,
                name="list_granting_residents",
                summary="Who grants this partner now",
                description=f"Handles are random, and different for each partner.\n\n{KEY_NEEDED}",
                tag=TAG,
                handler=self.everybody,
                form=HandlePage,
                answers={200: Answer("Their handles", Handles, {"items": [{"handle": EXAMPLE_HANDLE}], "next": None})},
                keyed=True,
            ),
            Operation(
                method="GET",
                path=f"{path}/{{handle}}",
                name="read_granting_resident",
                summary="What one resident shares with this partner",
                description=f"Each time it is read the resident sees it in their access log.\n\n{KEY_NEEDED}",
                tag=TAG,
                handler=self.one,
                answers={200: Answer("What is shared", OneShared, EXAMPLE)},
                problems=(NotFound,),
                keyed=True,
            ),
        )

    async def everybody(self, request: Request) -> Response:
        """Answer `GET /v1/partner/residents`."""
        partner = await self._partner(request)
        page = parameters.read(request.scope["query_string"], HandlePage)
        found = await self.partners.handles(partner, page.after, page.limit)
        more = found[-1] if len(found) == page.limit else None
        return private_json(Handles([Handle(handle) for handle in found], more))

    async def one(self, request: Request) -> Response:
        """Answer `GET /v1/partner/residents/{handle}`."""
        partner = await self._partner(request)
        handle = request.path_params["handle"]
        if not _HANDLE.fullmatch(handle):
            raise NotFound("Nobody who grants you this has that handle.", field="handle")
        shared = await show(self.partners, partner, handle, request.scope["operation"], self.gate.clock())
        return private_json(OneShared(handle, shared))

    async def _partner(self, request: Request) -> Partner:
        """Return whose key came.

        Raises
        ------
        Unauthenticated
            None did, or one that is nobody's now.
        """
        key = bearer(request)
        if key is None:
            raise Unauthenticated("A partner's key is needed; send it in the header `Authorization: Bearer <key>`.")
        known = key.startswith(KEY_PREFIX) and await self.partners.by_key(key, self.gate.clock())
        if not known:
            raise Unauthenticated("The key is not one of a partner of now.", reason="partner_key")
        return known
