"""What came of campaigns, run by run: in counts that name nobody."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.routes.campaigns import TAG, named, official
from campaigns.desk import Desk
from campaigns.errors import RoleNeeded
from campaigns.records.follows import FollowRecords
from campaigns.records.runs import RunRecords
from campaigns.records.service_messages import ServiceMessageRecords
from campaigns.run import Standing
from engine.counts import Counts
from engine.errors import NotFound
from engine.events import AwareTime


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How many came to one end, in whole tens; null for fewer than ten.

    `state` is sent, deferred, claimed, handed, skipped or failed; `channel` is empty where it did not come to one.
    """

    state: str
    channel: str
    reason: str
    count: int | None


class RunResults(msgspec.Struct, frozen=True, kw_only=True):
    """One run: when it was planned for, where it is, to how many it means to speak, and what came of that."""

    run: str
    planned: AwareTime
    standing: Standing
    people: int | None
    outcomes: Sequence[Outcome]
    followed: "Followed"


class Link(msgspec.Struct, frozen=True):
    """A link of a message, and how many followed it, in whole tens; of fewer than ten it is not told."""

    link: str
    people: int


class Followed(msgspec.Struct, frozen=True):
    """Of how many it is known whether they followed a link (`measurement`), how many did, and the links most followed.

    In whole tens; null for fewer than ten.
    """

    measured: int | None
    people: int | None
    links: Sequence[Link] = ()


class Results(msgspec.Struct, frozen=True):
    """A campaign's runs, the newest first; of a transactional one, what became of messages in the last 90 days."""

    runs: Sequence[RunResults]
    messages: Sequence[Outcome] = ()


_EXAMPLE = {
    "runs": [
        {
            "run": "5d0c9a1be37f4266-20270112T090000Z",
            "planned": "2027-01-12T09:00:00Z",
            "standing": "finished",
            "people": 1240,
            "outcomes": [
                {"state": "sent", "channel": "email", "reason": "", "count": 980},
                {"state": "skipped", "channel": "", "reason": "capped", "count": 250},
                {"state": "failed", "channel": "email", "reason": "refused", "count": None},
            ],
            "followed": {
                "measured": 410,
                "people": 120,
                "links": [{"link": "https://www.hel.fi/fi/kulttuuri-ja-vapaa-aika", "people": 90}],
            },
        }
    ]
}


@dataclass(frozen=True, slots=True)
class ResultRoutes:
    """Tells what came of campaigns."""

    gate: Gate
    desk: Desk
    runs: RunRecords
    follows: FollowRecords
    messages: ServiceMessageRecords
    counts: Counts

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/campaigns/{campaign}/results",
                name="read_campaign_results",
                summary="What came of a campaign, run by run",
                description="Counts are in whole tens, and of fewer than ten not told. Who withdraws is forgotten, and "
                "counted no more.",
                tag=TAG,
                handler=self.results,
                answers={200: Answer("Its last hundred runs", Results, _EXAMPLE)},
                problems=(NotFound, RoleNeeded),
                scope=Scope.CAMPAIGNS_READ,
            ),
        )

    async def results(self, request: Request) -> Response:
        """Answer `GET /v1/campaigns/{campaign}/results`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.CAMPAIGNS_READ)
        campaign = await self.desk.read(named(request), official(caller))
        told = []
        for run, standing, planned in await self.runs.of(campaign.id):
            people, tallies = await self.runs.tallies(run)
            outcomes = [
                Outcome(
                    state=its.state, channel=its.channel, reason=its.reason,
                    count=self.counts.disclose(its.count, f"run {run}", f"{its.state} {its.channel} {its.reason}"),
                )
                for its in tallies
            ]  # fmt: skip
            meant = self.counts.disclose(people, f"run {run}", "people")
            told.append(
                RunResults(
                    run=run, planned=planned, standing=standing, people=meant, outcomes=outcomes,
                    followed=await self._followed(run),
                )
            )  # fmt: skip
        return private_json(Results(told, await self._messages(campaign.id)))

    async def _messages(self, campaign: str) -> Sequence[Outcome]:
        return [
            Outcome(
                state=state, channel=channel, reason=reason,
                count=self.counts.disclose(number, f"messages {campaign}", f"{state} {channel} {reason}"),
            )
            for state, channel, reason, number in await self.messages.tallies(campaign)
        ]  # fmt: skip

    async def _followed(self, run: str) -> Followed:
        its, subject = await self.follows.of(run), f"followed {run}"
        links = [(link, self.counts.disclose(people, subject, link)) for link, people in its.links]
        return Followed(
            self.counts.disclose(its.measured, subject, "measured"),
            self.counts.disclose(its.people, subject, "people"),
            [Link(link, people) for link, people in links if people is not None],
        )
