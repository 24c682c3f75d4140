"""What a reader of the offers topic knows after each import, and made-up events to import."""

from datetime import UTC, datetime, timedelta

from engine.districts import Divisions
from engine.errors import Unavailable
from engine.events import OfferChange
from engine.offers import Offer, decode
from engine.records.import_report import ImportReport
from engine.records.imports import Imports
from stream.sources.linked_events import import_catalogue
from tests.integration.linked_events.city import City

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TOMORROW, NEXT_WEEK = NOW + timedelta(days=1), NOW + timedelta(days=6)


class Catalogue:
    """What a reader of the offers topic knows after each import."""

    def __init__(self, imports: Imports, divisions: Divisions | None = None) -> None:
        self.imports, self.divisions = imports, divisions or Divisions()
        self.offers: dict[str, Offer] = {}
        self.news: list[OfferChange] = []
        self.said: list[str] = []
        self.fails_after: int | None = None

    async def publish(self, changes) -> None:
        for change in changes:
            if self.fails_after is not None and len(self.news) >= self.fails_after:
                raise Unavailable("The broker is away.")
            self.news.append(change)
            if change.gone:
                self.offers.pop(change.id, None)
            else:
                self.offers[change.id] = decode(change.offer)

    async def take(self, source, now=NOW, *, full=False) -> ImportReport:
        self.news = []
        return await import_catalogue(
            source,
            imports=self.imports,
            publish=self.publish,
            divisions=self.divisions,
            now=now,
            say=self.said.append,
            full=full,
        )


def event(id_: str, start: datetime | None = TOMORROW, name: str = "Jooga", **fields):
    times = {"start_time": start and start.isoformat(), "end_time": start and (start + timedelta(hours=1)).isoformat()}
    place = {"location": {"@id": "http://x/place/tprek:1/"}}
    return {
        "id": id_,
        "type_id": "General",
        "name": {"fi": name},
        "event_status": "EventScheduled",
        **times,
        **place,
        **fields,
    }


def fill(city: City, count: int) -> None:
    for n in range(count):
        city.put(event(f"x:{n:04}", TOMORROW + timedelta(hours=n), f"Tapahtuma {n}"), NOW - timedelta(days=9))
