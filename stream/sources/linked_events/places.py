"""Place objects of Linked Events -> `engine.offers.Place`, and what counts as no place at all."""

import math
import re
import unicodedata
from collections.abc import Iterator

import msgspec

from engine.districts import Divisions, normalise, type_of
from engine.language import Language, Localized
from engine.offers import Place
from stream.sources.linked_events.fields import objects, reference
from stream.sources.linked_events.texts import fill, localized, plain, texts

INTERNET = "helsinki:internet"
MADE = "address:"
"""How the id of a place begins that has none of its own."""
WHOLE_CITY = frozenset({"matko:732", "osoite:helsinki", "helsinki:helsinki"})
"""Places that are the town itself; a place named just "Helsinki" without an address counts as well."""
_FINLAND = (59.0, 71.0, 19.0, 32.0)


def read_place(value: object) -> Place | None:
    """Return the place that a `location` or an object of the place endpoint tells of; only its id if it tells no more.

    A place without an id gets one made of its address or name, so that the same address is the same place.
    """
    if isinstance(value, str):
        return Place(id=found) if (found := reference(value)) else None
    if not isinstance(value, dict):
        return None
    name, address = localized(value.get("name")), _address(value)
    id_ = reference(value) or _made_id(address, name, localized(value.get("address_locality")))
    if id_ is None:
        return None
    lat, lon = _point(value.get("position"))
    return Place(id=id_, name=name, address=address, lat=lat, lon=lon, **_divisions(value.get("divisions")))


def complete(place: Place, known: Place | None, divisions: Divisions) -> Place:
    """Return a place with what it lacks taken from the place register, and its divisions found by its point."""
    if known is not None:
        place = msgspec.structs.replace(
            known,
            id=place.id,
            name=fill(place.name, known.name),
            address=fill(place.address, known.address),
            lat=known.lat if place.lat is None else place.lat,
            lon=known.lon if place.lon is None else place.lon,
        )
    if place.lat is None or place.lon is None:
        return place
    found = divisions.locate(place.lat, place.lon)._asdict()
    return msgspec.structs.replace(place, **{k: getattr(place, k) or id_ for k, id_ in found.items()})


def is_online(place: Place | None) -> bool:
    """Say whether the source names the internet as the place."""
    return place is not None and (place.id == INTERNET or (_names(place) == {"internet"} and not place.address))


def is_city_wide(place: Place | None) -> bool:
    """Say whether the source names the whole town as the place."""
    if place is None:
        return False
    names = _names(place)
    return place.id in WHOLE_CITY or (bool(names) and names <= {"helsinki", "helsingfors"} and not place.address)


def _names(place: Place) -> set[str]:
    return {text.casefold() for text in texts(place.name)}


def place_key(place: Place | None) -> str:
    """Return what makes two places the same across sources: street and number, else the name, else the id."""
    if place is None:
        return ""
    return _street(place.address) or _slug(place.name.pick(Language.FI)) or place.id


def _address(value: dict[str, object]) -> Localized:
    street, town = localized(value.get("street_address")), localized(value.get("address_locality"))
    code = plain(value.get("postal_code"), 10)
    return Localized(**{lang: _line(getattr(street, lang), code, getattr(town, lang) or town.fi) for lang in Language})


def _line(street: str | None, code: str | None, town: str | None) -> str | None:
    if not street:
        return None
    if town and street.casefold().endswith(f", {town}".casefold()):
        street = street[: -len(town) - 2]
    rest = " ".join(part for part in (code, town) if part)
    return f"{street}, {rest}" if rest else street


def _made_id(address: Localized, name: Localized, town: Localized) -> str | None:
    slug = _street(address) or _slug(name.pick(Language.FI))
    elsewhere = _slug(town.pick(Language.FI)).removeprefix("helsinki")
    return f"{MADE}{slug}{elsewhere and '-' + elsewhere}"[:120] if slug else None


def _street(address: Localized) -> str:
    return _slug(address.pick(Language.FI).partition(",")[0])


def _slug(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", bare))


def _point(position: object) -> tuple[float | None, float | None]:
    pair = position.get("coordinates") if isinstance(position, dict) else None
    if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - longitude and latitude
        return None, None
    lon, lat = (c if isinstance(c, int | float) and not isinstance(c, bool) else math.nan for c in pair)
    # Some records have the two the wrong way round; nothing in Finland can be read both ways.
    for north, east in ((lat, lon), (lon, lat)):
        if _FINLAND[0] <= north <= _FINLAND[1] and _FINLAND[2] <= east <= _FINLAND[3]:
            return float(north), float(east)
    return None, None


def _divisions(value: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for id_ in _division_ids(value):
        found.setdefault(type_of(id_), id_)
    return found


def _division_ids(value: object) -> Iterator[str]:
    for division in objects(value):
        ocd, type_ = division.get("ocd_id"), division.get("type")
        name = localized(division.get("name")).fi
        in_helsinki = division.get("municipality") in (None, "Helsinki", "helsinki")
        if not isinstance(ocd, str) and isinstance(type_, str) and name and in_helsinki:
            ocd = f"{type_}:{name}"
        if isinstance(ocd, str) and (id_ := normalise(ocd)) is not None:
            yield id_
