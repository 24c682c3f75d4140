"""Infoscreens: what a place's screens show. Of nobody: no token and no id of a person is read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from api.operations import JSON, Answer, Operation
from campaigns.playlist import Playlist
from engine.errors import NotFound
from engine.offers import encode

TAG = "Infoscreens"
CACHED_SECONDS = 5
READ = """\
The slides to be shown in turn: campaigns for screens first, then what is on at the place this week, then what is near.
Ask every few seconds with the `ETag` as `If-None-Match`: while nothing has changed the answer is 304 and empty. Where
`alone` is true, it takes over from whatever is shown. Without a network, go on until `valid_until`, and drop each slide
at its own `until`."""
EXAMPLE = {
    "place": "tprek:8254",
    "name": {"fi": "Keskustakirjasto Oodi", "sv": "Centrumbiblioteket Ode", "en": "Helsinki Central Library Oodi"},
    "alone": False,
    "valid_until": "2026-11-27T05:00:00Z",
    "slides": [
        {
            "id": "5d0c9a1be37f4266",
            "kind": "notice",
            "texts": {
                "fi": {"title": "Kirjasto sulkeutuu tänään klo 18", "text": "Palautusautomaatti on auki."},
                "sv": {"title": "Biblioteket stänger i dag kl. 18", "text": "Återlämningsautomaten är öppen."},
                "en": {"title": "The library closes at 18 today", "text": "The return machine is open."},
            },
            "until": "2026-11-26T16:00:00Z",
        },
        {
            "id": "kulke:52959",
            "kind": "event",
            "texts": {"fi": {"title": "Satutunti", "text": "", "where": "Keskustakirjasto Oodi", "price": "Maksuton"}},
            "until": "2026-11-26T16:00:00Z",
            "starts": "2026-11-26T15:00:00Z",
            "ends": "2026-11-26T16:00:00Z",
        },
    ],
}


class Playlists(Protocol):
    """What makes playlists (`api.screens.Screens`)."""

    async def playlist(self, place: str) -> Playlist:
        """Return what a place's screens show now."""


@dataclass(frozen=True, slots=True)
class ScreenRoutes:
    """Tells screens what to show."""

    screens: Playlists

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/screens/{place}",
                name="read_screen",
                summary="What the screens of a place show",
                description=READ,
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The playlist", Playlist, EXAMPLE)},
                problems=(NotFound,),
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/screens/{place}`."""
        place = request.path_params["place"]
        if "\0" in place or len(place) > LONGEST:
            raise NotFound("There is no place of this id.", field="place")
        body = encode(await self.screens.playlist(place))
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": f"public, max-age={CACHED_SECONDS}"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=JSON)


LONGEST = 200
