"""Proofs: a campaign's message by mail to the official who asks for it, as somebody made up would get it."""

import asyncio
import secrets
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.errors import Forbidden
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.outgoing import mail_channel
from api.routes.campaigns import TAG, named, official
from campaigns import checking, sample
from campaigns.campaign import LanguageCode, Way
from campaigns.channels import Accepted, Note
from campaigns.departments import Role
from campaigns.desk import Desk
from campaigns.errors import RoleNeeded, Unfit
from campaigns.fault import Fault
from campaigns.message import Rendered
from campaigns.sample import MadeUp
from engine.addresses import Means, normal
from engine.errors import InvalidInput, NoSender, NotFound, NotOffered
from engine.settings import Settings

EMAIL = "email"


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which language and channel, and as whom of those made up it is to be read.

    Without a channel it is the campaign's e-mail, or else its first one.
    """

    channel: Way | None = None
    language: LanguageCode = "fi"
    resident: MadeUp = MadeUp.FAMILY


class Sent(msgspec.Struct, frozen=True):
    """Where it went."""

    to: Annotated[str, msgspec.Meta(description="The official's own address, from their token")]


@dataclass(frozen=True, slots=True)
class ProofRoutes:
    """Sends proofs."""

    gate: Gate
    desk: Desk
    settings: Settings

    def operations(self) -> tuple[Operation, ...]:
        """Return what can be asked here."""
        return (
            Operation(
                method="POST",
                path="/v1/campaigns/{campaign}/test",
                name="test_campaign",
                summary="Send its message to oneself",
                description="To the address in the official's own token and no other, as somebody made up would get "
                "it; what is no e-mail comes as a mail that says by which channel it would come. Nothing is counted, "
                "and the stop link in it leads nowhere.",
                tag=TAG,
                handler=self.send,
                body=Proof,
                example={"language": "fi", "resident": "family"},
                answers={202: Answer("The mail server has taken it", Sent, {"to": "maija.meikalainen@example.fi"})},
                problems=(NotFound, RoleNeeded, Unfit, NotOffered, NoSender),
                scope=Scope.CAMPAIGNS_WRITE,
            ),
        )

    async def send(self, request: Request) -> Response:
        """Answer `POST /v1/campaigns/{campaign}/test`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.CAMPAIGNS_WRITE)
        asked, who = await _read(request), official(caller)
        draft = (await self.desk.read(named(request), who)).draft
        await self.desk.permit(draft.department, who, Role.EDITOR, Role.APPROVER)
        try:
            to = normal(Means.EMAIL, who.name)
        except InvalidInput:
            raise Forbidden("The token tells no e-mail address of yours to send it to.") from None
        by = asked.channel or (EMAIL if EMAIL in draft.channels else draft.channels[0])
        if faults := checking.missing(draft.message, (asked.language,), (by,)):
            raise Unfit(faults)
        channel = mail_channel(self.settings, self.gate.clock)
        if channel is None:
            raise NotOffered("No mail server is set here (VINKKI_MAIL), so nothing can be sent.")
        fixed = sample.shown(draft.message)
        work = partial(sample.preview, draft.message, [asked.resident], [by], [asked.language], fixed)
        ((preview,), id_) = await asyncio.to_thread(work), secrets.token_hex(13)
        if preview.rendered is None:
            raise Unfit([Fault("message.picks", None, "Somebody like that would get no message.")])
        rendered = preview.rendered
        if by != EMAIL:
            rendered = Rendered(f"[{by}] {rendered.subject or draft.name}", rendered.text)
        note = Note(id_, to, rendered, sample.STOP, draft.topic, asked.language)
        try:
            (outcome,) = await channel.deliver([note])
        finally:
            await channel.close()
        if not isinstance(outcome, Accepted):
            raise NoSender(f"The mail server did not take it: {outcome.reason}.")
        return private_json(Sent(to), 202)


_read = Reader(Proof)
