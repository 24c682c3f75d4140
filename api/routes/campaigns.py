"""Campaigns: written, looked at, reviewed by a second person, scheduled, paused and ended; nobody is sent to here."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from api import campaign_forms as forms
from api import parameters
from api.access import Caller, Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.versions import seen, versioned
from campaigns import checking, sample
from campaigns.campaign import Campaign, Draft, Move
from campaigns.departments import Department
from campaigns.desk import Desk, Official
from campaigns.errors import IllegalMove, RoleNeeded, SecondPersonNeeded, Unfit
from campaigns.records.documents import DocumentRecords
from engine.errors import NotFound

TAG = "Campaigns"
BODY_BYTES = 512_000
"""Six languages side by side; what is larger carries pictures, which belong on the web."""
WRITING = """\
Texts are templates: values (`{{ data.name }}`), `if`, and `for offer in offers`; `{{ offers }}`, `{{ picks }}`,
`{{ why }}` and `{{ stop }}` place the blocks, which stand at the end where a text has none. Every fault is named with
its line. A text that is not written yet is listed in `missing`, and needed for review; what may be a slip, such as a
place that no offer names, is listed in `doubtful`."""
_MOVES = (
    (Move.SUBMIT, "Hand it in for review", "Everything must be there, in every language."),
    (Move.APPROVE, "Approve it", "By somebody who neither wrote nor last changed it."),
    (Move.REJECT, "Send it back to its author", "With the reason."),
    (
        Move.SCHEDULE,
        "Let it begin at its time",
        "What is approved begins at its start; what waits for events, calls or screens stands ready from then on.",
    ),
    (Move.PAUSE, "Pause it", "What has not gone out waits."),
    (Move.RESUME, "Go on with it", "What has gone out does not go out again."),
    (Move.CANCEL, "End it for good", "It cannot be taken up again; write a new one."),
)


@dataclass(frozen=True, slots=True)
class CampaignRoutes:
    """Tells, writes and moves campaigns."""

    gate: Gate
    desk: Desk
    records: DocumentRecords[Campaign]
    departments: DocumentRecords[Department]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._reading(), *self._writing(), *(self._moving(*each) for each in _MOVES))

    def _reading(self) -> Sequence[Operation]:
        return (
            Operation(
                method="GET",
                path="/v1/campaigns",
                name="list_campaigns",
                summary="Campaigns of the departments that one has a role in",
                tag=TAG,
                handler=self.page,
                form=forms.CampaignsAsked,
                answers={
                    200: Answer(
                        "The last created first", forms.CampaignPage, {"items": [forms.EXAMPLE_LINE], "next": None}
                    )
                },
                scope=Scope.CAMPAIGNS_READ,
            ),
            Operation(
                method="POST",
                path="/v1/campaigns/preview",
                name="preview_campaign",
                summary="What a message becomes for residents that are made up",
                description="For each kind of resident, channel and language; nobody real is ever shown.",
                tag=TAG,
                handler=self.preview,
                body=forms.PreviewAsked,
                example=forms.PREVIEW_EXAMPLE,
                answers={200: Answer("What each would get", forms.Previews, forms.PREVIEW_ANSWER)},
                problems=(Unfit, RoleNeeded),
                scope=Scope.CAMPAIGNS_READ,
            ),
            Operation(
                method="GET",
                path="/v1/campaigns/{campaign}",
                name="read_campaign",
                summary="One campaign",
                description="Its `ETag` names the version.",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The last version", forms.CampaignVersion, forms.EXAMPLE_VERSION)},
                problems=(NotFound,),
                scope=Scope.CAMPAIGNS_READ,
            ),
            Operation(
                method="GET",
                path="/v1/campaigns/{campaign}/trail",
                name="read_campaign_trail",
                summary="Who did what with it",
                description="A chain of hashes that `vinkki audit verify` checks.",
                tag=TAG,
                handler=self.trail,
                answers={200: Answer("The oldest act first", forms.TrailPage, {"items": [forms.EXAMPLE_ENTRY]})},
                problems=(NotFound,),
                scope=Scope.CAMPAIGNS_READ,
            ),
        )

    def _writing(self) -> Sequence[Operation]:
        return (
            Operation(
                method="POST",
                path="/v1/campaigns",
                name="write_campaign",
                summary="Write a campaign",
                description=WRITING,
                tag=TAG,
                handler=self.write,
                body=Draft,
                example=forms.EXAMPLE,
                answers={201: Answer("The campaign, a draft", forms.CampaignVersion, forms.EXAMPLE_VERSION)},
                problems=(Unfit, RoleNeeded),
                scope=Scope.CAMPAIGNS_WRITE,
            ),
            Operation(
                method="PUT",
                path="/v1/campaigns/{campaign}",
                name="change_campaign",
                summary="Write a campaign anew",
                description="The whole of it. What was approved goes back to review. Of two writers the second is told "
                "what the first has changed.",
                tag=TAG,
                handler=self.replace,
                body=Draft,
                example=forms.EXAMPLE,
                answers={200: Answer("The campaign", forms.CampaignVersion, forms.EXAMPLE_VERSION | {"version": 2})},
                problems=(NotFound, Unfit, IllegalMove),
                scope=Scope.CAMPAIGNS_WRITE,
                on_version=True,
            ),
        )

    def _moving(self, move: Move, summary: str, description: str) -> Operation:
        rejects = move is Move.REJECT
        return Operation(
            method="POST",
            path=f"/v1/campaigns/{{campaign}}/{move}",
            name=f"{move}_campaign",
            summary=summary,
            description=description,
            tag=TAG,
            handler=self._handler(move),
            body=forms.Rejection if rejects else None,
            example={"reason": "The Swedish text speaks of another hall."} if rejects else None,
            answers={200: Answer("The campaign", forms.CampaignVersion, forms.EXAMPLE_VERSION)},
            problems=(NotFound, Unfit, IllegalMove, SecondPersonNeeded),
            scope=Scope.CAMPAIGNS_WRITE,
            on_version=True,
        )

    def _handler(self, move: Move) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
            reason = (await _read_rejection(request)).reason if move is Move.REJECT else None
            id_, version, now = named(request), seen(request), self.gate.clock()
            return await self._answer(await self.desk.move(id_, version, move, official(caller), now, reason))

        return handle

    async def page(self, request: Request) -> Response:
        """Answer `GET /v1/campaigns`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        asked = parameters.read(request.scope["query_string"], forms.CampaignsAsked)
        open_ = {each.id for each in self.desk.rights.seen(await self.departments.all(), caller.groups)}
        ids = open_ if asked.department is None else open_ & {asked.department}
        found = await self.records.page(ids, asked.state, asked.after or 2**62, asked.limit + 1)
        shown, more = found[: asked.limit], len(found) > asked.limit
        return private_json(forms.CampaignPage([forms.line(its) for _, its in shown], shown[-1][0] if more else None))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/campaigns/{campaign}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        return await self._answer(await self.desk.read(named(request), official(caller)))

    async def trail(self, request: Request) -> Response:
        """Answer `GET /v1/campaigns/{campaign}/trail`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        entries = await self.desk.trail(named(request), official(caller))
        return private_json(forms.TrailPage([forms.entry(its) for its in entries]))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/campaigns`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        its = await self.desk.create(await _read_draft(request), official(caller), self.gate.clock())
        return await self._answer(its, 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/campaigns/{campaign}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        version, draft = seen(request), await _read_draft(request)
        its = await self.desk.replace(named(request), version, draft, official(caller), self.gate.clock())
        return await self._answer(its)

    async def preview(self, request: Request) -> Response:
        """Answer `POST /v1/campaigns/preview`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        asked = await _read_preview(request)
        await self.desk.permit(asked.department, official(caller))
        message, languages, channels = asked.message, asked.languages, asked.channels
        found = checking.faults(message, tuple({*languages, *message.texts}), channels)
        if found := found or checking.missing(message, languages, channels):
            raise Unfit(found)
        fixed = sample.shown(message)
        # Styles of twenty mails take a moment, in which other calls must be answered.
        work = partial(sample.preview, message, asked.residents, channels, languages, fixed)
        return private_json(forms.Previews(await asyncio.to_thread(work)))

    async def _caller(self, request: Request, scope: Scope) -> Caller:
        caller = await self.gate.caller(request)
        caller.require(scope)
        return caller

    async def _answer(self, its: Campaign, status: int = 200) -> Response:
        told = forms.version(its, *await self.desk.looked_at(its.draft, self.gate.clock()))
        location = f"/v1/campaigns/{its.id}" if status == 201 else None  # noqa: PLR2004
        return versioned(told, its.version, status, location)


_read_draft = Reader(Draft, BODY_BYTES)
_read_preview = Reader(forms.PreviewAsked, BODY_BYTES)
_read_rejection = Reader(forms.Rejection)


def official(caller: Caller) -> Official:
    """Return who acts, by the name that the access log takes."""
    return Official(caller.name, caller.groups)


def named(request: Request, what: str = "campaign") -> str:
    """Return the id that an address names.

    Raises
    ------
    NotFound
        It cannot be one.
    """
    id_: str = request.path_params[what]
    if not (id_.isascii() and id_.replace("-", "").replace("_", "").isalnum() and len(id_) <= 64):  # noqa: PLR2004
        raise NotFound(f"There is no {what} of this id; the list tells those there are.", field=what)
    return id_
