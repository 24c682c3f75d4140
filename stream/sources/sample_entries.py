"""What the files in ``sample/`` say: venues, keywords, and activities with the places and times they are held.

A text may name its place: ``{at}`` stands for "Kallion kirjastossa" and ``{area}`` for "Kalliossa", each in the text's
own language. Any field that is not known here is refused, so a slip of the pen in a file fails at the first reading.
"""

from functools import cache
from pathlib import Path

import msgspec

from engine.districts import PREFIX
from engine.language import Localized
from engine.offers import Access, Keyword, Kind, Place, Status

FOLDER = Path(__file__).parent / "sample"
_NOT_CHAPTERS = ("venues", "keywords")


class Venue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A real place. `id` is its number in the city's register of places, where we know it; `access` None is unknown."""

    name: Localized
    at: Localized
    area: Localized
    address: Localized
    point: tuple[float, float]
    divisions: tuple[str, ...]
    organiser: str
    id: str | None = None
    access: tuple[Access, ...] | None = None


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An activity at a venue; what is given here wins over what the activity says. A space has no `when`."""

    venue: str
    when: str | None = None
    seats: int | None = None
    left: int | None = None
    languages: tuple[str, ...] | None = None
    status: Status = Status.SCHEDULED


class Activity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is on offer in one place or several.

    Attributes
    ----------
    euros
        The price, and the reduced one; none is free unless `price` says otherwise in words.
    months
        The months of the year in which it makes sense.
    """

    id: str
    name: Localized
    summary: Localized
    more: Localized
    keywords: tuple[str, ...]
    at: tuple[Held, ...]
    kind: Kind | None = None
    audience: tuple[str, ...] = ()
    age_min: int | None = None
    age_max: int | None = None
    euros: tuple[int, ...] = ()
    price: Localized = Localized()
    languages: tuple[str, ...] = ("fi",)
    seats: int | None = None
    access: tuple[Access, ...] = ()
    months: tuple[int, ...] = tuple(range(1, 13))


class Chapter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: activities, mostly of one kind."""

    kind: Kind
    offer: tuple[Activity, ...]


@cache
def entries() -> tuple[tuple[Kind, Activity, Held], ...]:
    """Return every activity with every place that holds it, in the order of the files."""
    paths = [path for path in sorted(FOLDER.glob("*.toml")) if path.stem not in _NOT_CHAPTERS]
    chapters = [msgspec.toml.decode(path.read_bytes(), type=Chapter) for path in paths]
    return tuple((a.kind or c.kind, a, held) for c in chapters for a in c.offer for held in a.at)


def fill(text: Localized, venue: Venue) -> Localized:
    """Put the venue's name into the text, in the form that the sentence needs."""
    filled = {}
    for code, words in msgspec.structs.asdict(text).items():
        if words:
            told = words.format(at=getattr(venue.at, code), area=getattr(venue.area, code))
            filled[code] = told[0].upper() + told[1:]
    return Localized(**filled)


def place(slug: str, venue: Venue) -> Place:
    """Return the venue as an offer's place."""
    lat, lon = venue.point
    within = {name.partition(":")[0]: PREFIX + name for name in venue.divisions}
    return Place(id=venue.id or f"sample:{slug}", name=venue.name, address=venue.address, lat=lat, lon=lon, **within)


def keyword(concept: str) -> Keyword:
    """Return a concept with its labels."""
    return Keyword(concept, Localized(*_labels()[concept]))


@cache
def venues() -> dict[str, Venue]:
    """Return all venues by their name in the files."""
    return msgspec.toml.decode((FOLDER / "venues.toml").read_bytes(), type=dict[str, Venue])


@cache
def _labels() -> dict[str, tuple[str, str, str]]:
    return msgspec.toml.decode((FOLDER / "keywords.toml").read_bytes(), type=dict[str, tuple[str, str, str]])
