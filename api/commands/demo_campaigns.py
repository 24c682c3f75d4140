"""The demo's campaigns: two that are finished and one that runs, written and approved over HTTP as officials do.

They are made once, in the background of the first start, while everything else can be tried already.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from api import wiring
from api.commands import demo_readers
from api.issuer import STAFF_GROUP, DemoIssuer, address
from engine.errors import VinkkiError
from engine.settings import Settings

WRITER, APPROVER = "maija@example.fi", "ville@example.fi"
SCOPES = ("campaigns:read", "campaigns:write", "audiences:read", "audiences:write")
DEPARTMENTS = {
    "kirjasto": {"fi": "Kirjasto", "sv": "Biblioteket", "en": "Library"},
    "kulttuuri": {"fi": "Kulttuuri", "sv": "Kultur", "en": "Culture"},
}
_LEAD, _PATIENCE_SECONDS, _GLANCE_SECONDS = timedelta(seconds=3), 120.0, 0.5


class Planned(NamedTuple):
    """A campaign as it is to be written; `state` is where it is to arrive."""

    name: str
    department: str
    topic: str
    texts: Mapping[str, tuple[str, str]]
    state: str
    picks: Mapping[str, object] | None = None
    rrule: str | None = None


PLANNED = (
    Planned(
        "Kirjaston joulukuu",
        "kirjasto",
        "library",
        {
            "fi": ("Kirjaston joulukuu", "Satutunteja, lukupiirejä ja korjauspaja. Kaikkiin pääsee maksutta."),
            "sv": ("Bibliotekets december", "Sagostunder, läsecirklar och en reparationsverkstad. Allt är fritt."),
            "en": ("December at the library", "Story hours, reading circles and a repair workshop. All are free."),
        },
        "finished",
    ),
    Planned(
        "Uudet kurssit",
        "kulttuuri",
        "new_courses",
        {
            "fi": ("Uudet kurssit alkavat", "Ilmoittautuminen on auki. Nämä voisivat olla sinulle:"),
            "sv": ("Nya kurser börjar", "Anmälan är öppen. De här kunde passa dig:"),
            "en": ("New courses begin", "Enrolment is open. These may be for you:"),
        },
        "finished",
        picks={"scenario": "email", "kinds": ["course"], "n": 3, "fallback": "popular"},
    ),
    Planned(
        "Viikon vinkit",
        "kulttuuri",
        "area_tips",
        {
            "fi": ("Viikon vinkit", "Tällä viikolla sinulle:"),
            "sv": ("Veckans tips", "Den här veckan för dig:"),
            "en": ("Tips of the week", "This week for you:"),
        },
        "running",
        picks={"scenario": "email", "n": 3, "fallback": "popular"},
        rrule="FREQ=WEEKLY;COUNT=8",
    ),
)


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Make what is missing, and say when it is there."""
    try:
        asyncio.run(_make(settings, say))
    except (httpx.HTTPError, VinkkiError, TimeoutError) as error:
        say(f"The demo's campaigns are not made: {type(error).__name__}. The next start tries again.")


async def _make(settings: Settings, say: Callable[[str], None]) -> None:
    officials = Officials(settings)
    async with officials.http:
        if not (missing := [its for its in PLANNED if its.name not in await officials.known()]):
            return
        say(f"Making the demo's campaigns: {demo_readers.NUMBER} residents want to hear of what is on")
        await demo_readers.settle(settings, wiring.utc_now())
        for id_, names in DEPARTMENTS.items():
            await officials.found(id_, names)
        ids = [(await officials.send(planned), planned.state) for planned in missing]
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for id_, state in ids:
                while await officials.state(id_) != state:  # noqa: ASYNC110 - the worker is another process
                    await asyncio.sleep(_GLANCE_SECONDS)
    say("campaigns: two are finished and one runs; their mails are on the page of mail")


class Officials:
    """Two officials at the desk: what one writes, the other approves."""

    def __init__(self, settings: Settings) -> None:
        base = wiring.base(settings)
        issuer = DemoIssuer(settings.home, address(base), settings.audience)
        groups, now = (settings.administrators or STAFF_GROUP, STAFF_GROUP), wiring.utc_now()
        tokens = {who: issuer.staff(who, now, groups, SCOPES) for who in (WRITER, APPROVER)}
        self._headers = {who: {"Authorization": f"Bearer {token}"} for who, token in tokens.items()}
        self.http = httpx.AsyncClient(base_url=f"{base}/v1", timeout=30)

    async def known(self) -> set[str]:
        """Return the names of the campaigns there are."""
        return {its["name"] for its in (await self._call(WRITER, "GET", "/campaigns", params={"limit": 100}))["items"]}

    async def found(self, id_: str, names: Mapping[str, str]) -> None:
        """Found a department, unless there is one of that id."""
        roles = {"editor": [STAFF_GROUP], "approver": [STAFF_GROUP]}
        if id_ not in {its["id"] for its in (await self._call(WRITER, "GET", "/departments"))["items"]}:
            draft = {"names": names, "roles": roles}
            await self._call(WRITER, "POST", "/departments", json={"id": id_, "draft": draft})

    async def send(self, planned: Planned) -> str:
        """Write a campaign, have it approved by the other and let it begin in a moment; return its id."""
        everybody = {"department": planned.department, "name": "Kaikki", "tree": {"is": "everyone"}}
        audience = await self._call(WRITER, "POST", "/audiences", json=everybody)
        draft = _draft(planned, audience["id"], wiring.utc_now() + _LEAD)
        id_ = (await self._call(WRITER, "POST", "/campaigns", json=draft))["id"]
        for who, move in ((WRITER, "submit"), (APPROVER, "approve"), (WRITER, "schedule")):
            await self._call(who, "POST", f"/campaigns/{id_}/{move}", match="*")
        return str(id_)

    async def state(self, id_: str) -> str:
        """Return where a campaign is; of a running one that nobody has heard of yet, that it is scheduled."""
        state = str((await self._call(WRITER, "GET", f"/campaigns/{id_}"))["state"])
        results = await self._call(WRITER, "GET", f"/campaigns/{id_}/results")
        heard = any(its["standing"] == "finished" for its in results["runs"])
        return state if state != "running" or heard else "scheduled"

    async def _call(self, who: str, method: str, path: str, match: str | None = None, **how: Any) -> Any:  # noqa: ANN401 - JSON
        headers = self._headers[who] | ({} if match is None else {"If-Match": match})
        answer = await self.http.request(method, path, headers=headers, **how)
        answer.raise_for_status()
        return answer.json()


def _draft(planned: Planned, audience: str, starts: datetime) -> dict[str, object]:
    slot = "{{ picks }}" if planned.picks else ""
    texts = {
        code: {"subject": subject, "preheader": said, "body": f"<p>{said}</p>{slot}"}
        for code, (subject, said) in planned.texts.items()
    }
    message = {"texts": texts} | ({"picks": planned.picks} if planned.picks else {})
    schedule = {"starts": starts.isoformat()} | ({"rrule": planned.rrule} if planned.rrule else {})
    return {
        "name": planned.name,
        "department": planned.department,
        "kind": "recurring" if planned.rrule else "one_off",
        "topic": planned.topic,
        "channels": ["email"],
        "audience": audience,
        "message": message,
        "schedule": schedule,
    }
