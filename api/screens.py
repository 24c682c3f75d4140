"""What infoscreens show, put together from campaigns that run and the catalogue; remembered for moments, of places."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from cachetools import TTLCache

from campaigns.campaign import Campaign, State
from campaigns.playlist import Around, Playlist, Slide, at, notice, offered, playlist
from campaigns.records.documents import DocumentRecords
from engine.errors import NotFound
from engine.language import Localized
from engine.offers import Kind, Offer
from engine.query import Query
from engine.records.offers import OfferRecords, OfferSearch
from engine.scenario import Scenario
from engine.suggestion import Suggester

NOTICES_SECONDS, AROUND_SECONDS, MOST_PLACES, MOST_NOTICES = 2.0, 60.0, 2_000, 500
AHEAD = timedelta(days=7)
HERE_METRES, NEAR_METRES = 150.0, 3_000.0
_SHOWN = (Kind.EVENT, Kind.COURSE, Kind.VOLUNTEERING)
_read = msgspec.json.Decoder(Offer).decode


class Screens:
    """Makes playlists.

    Parameters
    ----------
    campaigns, offers
        Where they lie.
    suggester
        What ranks offers for everybody, as the city steers the scenario `screen`.
    clock
        The time.
    """

    def __init__(
        self,
        campaigns: DocumentRecords[Campaign],
        offers: OfferRecords,
        suggester: Suggester,
        clock: Callable[[], datetime],
    ) -> None:
        self._campaigns = campaigns
        self._offers = offers
        self._suggester = suggester
        self._clock = clock
        self._running: TTLCache[str, Sequence[Campaign]] = TTLCache(1, NOTICES_SECONDS)
        self._around: TTLCache[str, Around] = TTLCache(MOST_PLACES, AROUND_SECONDS)
        self._slides: TTLCache[tuple[str, int], Slide] = TTLCache(MOST_NOTICES, AROUND_SECONDS)

    async def playlist(self, place: str) -> Playlist:
        """Return what a place's screens show now.

        Raises
        ------
        NotFound
            Nothing was ever on at a place of this id, and no campaign that runs names it.
        """
        now = self._clock()
        running = await self._notices()
        around = await self._surroundings(place, now)
        if around == Around() and not any(place in its.draft.places for its in running):
            raise NotFound("Nothing is known to be on at this place; offers name the places there are.", field="place")
        shown = at(place, running, now)
        notices = [await self._notice(its, now) for its in shown]
        return playlist(place, around, notices, now, alone=any(its.draft.alone for its in shown))

    async def _notice(self, its: Campaign, now: datetime) -> Slide:
        """Return a campaign's slide; to write it takes a hundred times as long as to find it again."""
        if (known := self._slides.get((its.id, its.version))) is None:
            named = its.draft.message.offers
            known = notice(its, await self._offers.many(named) if named else {}, now)
            self._slides[its.id, its.version] = known
        return known

    async def _notices(self) -> Sequence[Campaign]:
        if (known := self._running.get("running")) is None:
            known = self._running["running"] = await self._campaigns.in_states((State.RUNNING,))
        return known

    async def _surroundings(self, place: str, now: datetime) -> Around:
        if (known := self._around.get(place)) is None:
            found, _ = await self._offers.search(OfferSearch(place=place, include_past=True), now, 1, None)
            known = self._around[place] = self._look(found[0], now) if found else Around()
        return known

    def _look(self, example: Offer, now: datetime) -> Around:
        """Look round where an offer is."""
        place = example.place
        if place is None or place.lat is None or place.lon is None:
            name = Localized() if place is None else place.name
            return Around(name, offered((), self._popular(now, None, NEAR_METRES), now))
        point = place.lat, place.lon
        close = self._popular(now, point, HERE_METRES)
        here = [its for its in close if its.place is not None and its.place.id == place.id]
        return Around(place.name, offered(here, self._popular(now, point, NEAR_METRES), now))

    def _popular(self, now: datetime, near: tuple[float, float] | None, metres: float) -> list[Offer]:
        query = Query(
            limit=30,
            kinds=_SHOWN,
            near=near,
            radius_metres=metres if near else None,
            starts_from=now,
            until=now + AHEAD,
            scenario=Scenario.SCREEN,
        )
        # More than is shown is asked for, and whether anybody looks is not known: so nothing of it counts as shown.
        return [_read(item.offer) for item in self._suggester.popular(query, now, counted=False).items]
