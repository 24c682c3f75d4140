"""One's own data: seen in words, removed one by one, taken along as a file, erased as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Scope
from api.gate import Gate
from api.my_data import DataView, MyData
from api.operations import JSON, PRIVATE, Answer, Operation, private_json
from api.pages.download import page
from engine.erasure import Eraser
from engine.errors import NotFound
from engine.language import Language
from engine.records.personal import Personal
from engine.removal import Remover
from engine.residents import Residents

TAG = "My data"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the view is asked for."""

    lang: Annotated[Language, msgspec.Meta(description="The language of the words")] = Language.FI


class File(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the file is asked for."""

    format: Annotated[Literal["json", "html"], msgspec.Meta(description="For a program, or for a person")] = "json"


class Download(msgspec.Struct, frozen=True):
    """The view, and every row that is held of the resident."""

    view: MyData
    held: Personal


EXAMPLE = {
    "generated_at": "2026-11-22T16:00:00Z",
    "sections": [
        {
            "id": "activity",
            "title": "What you have done",
            "source": "The service you used sent these to us. We show the latest.",
            "purpose": "activity",
            "items": [
                {
                    "id": "0b1f7c3e-4f6a-4f0e-9a52-0c8a2e8d4b11",
                    "text": "You saved: Swimming for beginners",
                    "detail": None,
                    "time": "2026-11-21T16:00:00Z",
                    "remove": True,
                }
            ],
            "empty": None,
        }
    ],
}

_DECISION = {"purpose": "activity", "granted": True, "notice": 1, "time": "2026-11-20T16:00:00Z"}
EXAMPLE_FILE = {
    "view": EXAMPLE,
    "held": {"decisions": [_DECISION], "interests": {"languages": ["fi"]}, "deeds": [], "shown": []},
}


@dataclass(frozen=True, slots=True)
class MyDataRoutes:
    """Shows residents what is known of them, and lets them take it away."""

    gate: Gate
    residents: Residents
    view: DataView
    remover: Remover
    eraser: Eraser

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path = "/v1/residents/{id}/data"
        return (
            Operation(
                method="GET",
                path=path,
                name="read_my_data",
                summary="What is known of a resident, in words",
                description="Where each thing came from, and whether it can be removed by itself.",
                tag=TAG,
                handler=self.read,
                form=Asked,
                answers={200: Answer("Everything, by section", MyData, EXAMPLE)},
                scope=Scope.DATA_READ,
            ),
            Operation(
                method="GET",
                path=f"{path}/download",
                name="download_my_data",
                summary="Everything as a file",
                description="As JSON, with every row that is held; or as a page that a person can read and print.",
                tag=TAG,
                handler=self.download,
                form=File,
                answers={200: Answer("The file", Download, EXAMPLE_FILE, also=("text/html",))},
                scope=Scope.DATA_READ,
            ),
            Operation(
                method="DELETE",
                path=f"{path}/{{section}}/{{item:path}}",
                name="remove_one",
                summary="Remove one thing",
                description=(
                    "An act; all acts that taught one feature of the taste; or one stated interest. It is gone when "
                    "this answers, and an act that is sent again does not bring it back."
                ),
                tag=TAG,
                handler=self.remove,
                answers={204: Answer("It is gone")},
                problems=(NotFound,),
                scope=Scope.DATA_WRITE,
            ),
            Operation(
                method="DELETE",
                path="/v1/residents/{id}",
                name="erase_resident",
                summary="Erase a resident",
                description="Everything is gone when this answers. What stays of the ledger is nobody's.",
                tag=TAG,
                handler=self.erase,
                answers={204: Answer("There is nothing of the resident any more")},
                scope=Scope.GDPR_DELETE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/data`."""
        person = await self.gate.resident(request, Scope.DATA_READ)
        asked = parameters.read(request.scope["query_string"], Asked)
        resident = await self.residents.pseudonym(person)
        return private_json((await self.view.of(person, resident, asked.lang, self.gate.clock()))[0])

    async def download(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/data/download`."""
        person = await self.gate.resident(request, Scope.DATA_READ)
        asked = parameters.read(request.scope["query_string"], File)
        resident = await self.residents.pseudonym(person)
        told, held = await self.view.of(person, resident, asked.lang, self.gate.clock())
        headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="vinkki.{asked.format}"'}
        if asked.format == "html":
            return Response(page(told, held, asked.lang), headers=headers, media_type="text/html")
        return Response(_encode(Download(told, held)), headers=headers, media_type=JSON)

    async def remove(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/data/{section}/{item}`."""
        person = await self.gate.resident(request, Scope.DATA_WRITE)
        section, item = request.path_params["section"], request.path_params["item"]
        self.remover.check(section)
        resident = await self.residents.pseudonym(person)
        if resident is None or "\0" in item:
            raise NotFound("There is nothing of that id.", field="item")
        await self.remover.remove(resident, section, item, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

    async def erase(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}`."""
        person = await self.gate.resident(request, Scope.GDPR_DELETE)
        await self.eraser.erase(person, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)


_encode = msgspec.json.Encoder().encode
