"""What came of a trial of two models: for those who decide which one stays."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.gate import Gate
from api.operations import JSON, PRIVATE, Answer, Operation, private_json
from api.trials import Trials
from engine.errors import NotFound
from engine.trial_results import SAYS, Results, Verdict

TAG = "Models"
RETRY_SECONDS = 5
DESCRIPTION = """\
Some residents get suggestions of a model on trial, the others of the current one. An answer counts once it is seven
days old: `uptake` is the share of answers of which an offer was opened, saved or registered for within these days.
`difference` is how much larger it is on trial; its interval holds with 95 % however often one looks and whenever one
stops. Counted are residents who allow measurement or learning, and activity, at this moment. Nothing is told of groups
of ten or fewer, and no share of fewer than a hundred residents. The numbers are those of whole days, kept for ten
minutes; where there is much to read, the first request begins it and answers 202: ask again after `Retry-After`."""


class Reading(msgspec.Struct, frozen=True):
    """What came of the trial is being read."""

    reading: bool = True


EXAMPLE_GROUP = {"opened": 0.112, "saved": 0.031, "registered": 0.012, "uptake": 0.128}
EXAMPLE = {
    "running": True,
    "began": "2026-11-02T04:10:00Z",
    "until": "2026-12-14T04:10:00Z",
    "share": 0.1,
    "counted_until": "2026-11-15T00:00:00Z",
    "current": {
        "model": "20261101T041000Z-4f1c9a3e7b20",
        "residents": 9120,
        "impressions": 48600,
        **EXAMPLE_GROUP,
    },
    "on_trial": {
        "model": "20261102T041000Z-d20e5f7711ac",
        "residents": 1010,
        "impressions": 5400,
        **EXAMPLE_GROUP,
        "uptake": 0.151,
    },
    "difference": {"value": 0.023, "low": 0.004, "high": 0.042},
    "verdict": Verdict.BETTER,
    "says": {"fi": SAYS[Verdict.BETTER].fi, "sv": SAYS[Verdict.BETTER].sv, "en": SAYS[Verdict.BETTER].en},
    "at_least": 10,
}


@dataclass(frozen=True, slots=True)
class TrialRoutes:
    """Tells which of two models serves residents better."""

    gate: Gate
    trials: Trials

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/models/trial",
                name="read_trial",
                summary="How a model on trial does",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.read,
                answers={
                    200: Answer("The trial that runs, or ran last", Results, EXAMPLE),
                    202: Answer("It is being read", Reading, {"reading": True}),
                },
                problems=(NotFound,),
                scope=Scope.MODELS_READ,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/models/trial`."""
        (await self.gate.caller(request)).require(Scope.MODELS_READ)
        if (told := await self.trials.ask()) is not None:
            return private_json(told)
        headers = {**PRIVATE, "Retry-After": str(RETRY_SECONDS)}
        return Response(msgspec.json.encode(Reading()), 202, headers, JSON)
