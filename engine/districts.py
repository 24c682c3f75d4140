"""Where a point lies in the city: neighbourhood, district and major district, by Open Civic Data ids.

Ids are ``ocd-division/country:fi/kunta:helsinki/<type>:<name>`` with the types that Linked Events gives its divisions
(`neighborhood`, `district`, `major_district`). The city's own files spell them `kaupunginosa`, `peruspiiri` and
`suurpiiri`; `normalise` makes one of both.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from engine.errors import Misconfigured
from engine.language import Language, Localized

if TYPE_CHECKING:
    from shapely import STRtree

PREFIX = "ocd-division/country:fi/kunta:helsinki/"
TYPES = {
    "kaupunginosa": "neighborhood",
    "neighborhood": "neighborhood",
    "peruspiiri": "district",
    "district": "district",
    "suurpiiri": "major_district",
    "major_district": "major_district",
}
SOUTH, WEST, NORTH, EAST = 59.90, 24.78, 60.31, 25.27
"""Around all land and sea of Helsinki: from the outer archipelago to Östersundom, in degrees of WGS 84."""


class Divisions:
    """The city's divisions; without any, every point is nowhere and names come from the ids.

    Parameters
    ----------
    names
        Names by normalised id.
    shapes
        Pairs of normalised id and geometry (shapely, degrees of WGS 84, longitude first).
    """

    def __init__(self, names: Mapping[str, Localized] | None = None, shapes: Iterable[tuple[str, Any]] = ()) -> None:
        self._names = dict(names or {})
        self._ids: list[str] = []
        self._tree: STRtree | None = None
        if shapes := list(shapes):
            # Imported here: an API process that loads no polygons need not carry GEOS in memory.
            import shapely  # noqa: PLC0415 - see above

            self._ids = [id_ for id_, _ in shapes]
            self._tree = shapely.STRtree([shape for _, shape in shapes])

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """Read a GeoJSON or JSON file, or every such file of a folder; None gives the empty divisions.

        Files of the city that are understood: polygons with an `ocd_id` property, polygons of city parts
        (`aluejako` = KAUPUNGINOSA), and lists of `ocd_id` with `name`. Others in the folder are passed over.

        Raises
        ------
        Misconfigured
            There is no such file, or it is not JSON, or nothing in it is a division of Helsinki.
        """
        if path is None:
            return cls()
        names: dict[str, Localized] = {}
        shapes: dict[str, Any] = {}
        for entry in _entries(path):
            for id_, name in _named(entry.get("properties", entry)):
                names[id_] = _better(name, names.get(id_))
            if (own := _id_of(entry.get("properties", entry))) and entry.get("geometry"):
                shapes[own] = entry["geometry"]
        if not names:
            raise Misconfigured(f"VINKKI_DISTRICTS: no division of Helsinki was found in {path}.")
        return cls({id_: _quiet(name) for id_, name in names.items()}, _build(shapes))

    def locate(self, lat: float, lon: float) -> "Located":
        """Return the divisions around a point in degrees; on a border, the first of the file."""
        found: dict[str, str] = {}
        if self._tree is not None:
            from shapely import Point  # noqa: PLC0415 - as above

            for index in sorted(self._tree.query(Point(lon, lat), predicate="intersects")):
                id_ = self._ids[index]
                found.setdefault(type_of(id_), id_)
        return Located(**found)

    def name_of(self, id_: str, language: Language) -> str:
        """Return a division's name, else a readable one made of the id.

        Examples
        --------
        >>> Divisions().name_of("ocd-division/country:fi/kunta:helsinki/neighborhood:etu-töölö", Language.SV)
        'Etu-Töölö'
        """
        return self._names.get(id_, Localized()).pick(language) or _title(id_.rpartition(":")[2])

    @property
    def ids(self) -> tuple[str, ...]:
        """All divisions that have a name or a shape."""
        return tuple(self._names)


class Located(NamedTuple):
    """The divisions around a point; None where it lies in none."""

    neighborhood: str | None = None
    district: str | None = None
    major_district: str | None = None


def normalise(id_: str) -> str | None:
    """Return a division of Helsinki's id in the one spelling used here; None for any other id.

    Examples
    --------
    >>> normalise("ocd-division/country:fi/kunta:helsinki/kaupunginosa:Kallio")
    'ocd-division/country:fi/kunta:helsinki/neighborhood:kallio'
    >>> normalise("peruspiiri:taka-töölö")
    'ocd-division/country:fi/kunta:helsinki/district:taka-töölö'
    >>> normalise("ocd-division/country:fi/kunta:espoo") is None
    True
    """
    type_, _, written = id_.removeprefix(PREFIX).partition(":")
    name = "_".join(written.lower().split())
    if not name or "/" in name or (known := TYPES.get(type_)) is None:
        return None
    return f"{PREFIX}{known}:{name}"


def type_of(id_: str) -> str:
    """Return `neighborhood`, `district` or `major_district` of a normalised id."""
    return id_.removeprefix(PREFIX).partition(":")[0]


def within_city(lat: float, lon: float) -> bool:
    """Say whether a point in degrees may be in Helsinki: a generous box, for checking what a caller sends."""
    return SOUTH <= lat <= NORTH and WEST <= lon <= EAST


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    files = sorted(f for f in path.iterdir() if f.suffix in (".geojson", ".json")) if path.is_dir() else [path]
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Misconfigured(f"VINKKI_DISTRICTS: {file} cannot be read as GeoJSON ({error}).") from error
        listed = content if isinstance(content, list) else content.get("features") or content.get("results") or []
        yield from (entry for entry in listed if isinstance(entry, dict))


def _id_of(facts: dict[str, Any]) -> str | None:
    if isinstance(ocd := facts.get("ocd_id"), str):
        return normalise(ocd)
    if facts.get("aluejako") == "KAUPUNGINOSA":
        return normalise(f"kaupunginosa:{facts.get('nimi_fi')}")
    return None


def _named(facts: dict[str, Any]) -> Iterator[tuple[str, Localized]]:
    if own := _id_of(facts):
        given = facts.get("name") or {"fi": facts.get("nimi_fi"), "sv": facts.get("nimi_se")}
        yield own, Localized(fi=given.get("fi"), sv=given.get("sv"))
    # The polygons of districts carry no names; the city's small areas (pienalue) name the districts around them.
    for type_ in ("peruspiiri", "suurpiiri"):
        if (fi := facts.get(f"{type_}_nimi_fi")) and (id_ := normalise(f"{type_}:{fi}")):
            yield id_, Localized(fi=fi, sv=facts.get(f"{type_}_nimi_se"))


def _better(new: Localized, old: Localized | None) -> Localized:
    # Some of the city's files shout (VÄSTRA HAMNEN); a file that does not is believed first.
    if old is None:
        return new
    fi = new.fi if new.fi and (not old.fi or old.fi.isupper()) else old.fi
    return Localized(fi=fi, sv=new.sv if new.sv and (not old.sv or old.sv.isupper()) else old.sv)


def _quiet(name: Localized) -> Localized:
    return Localized(*(_title(text) if text and text.isupper() else text for text in (name.fi, name.sv)))


def _title(name: str) -> str:
    return name.replace("_", " ").strip().lower().title()


def _build(shapes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if not shapes:
        return []
    import shapely  # noqa: PLC0415 - see Divisions.__init__

    built = []
    for id_, geometry in shapes.items():
        shape = shapely.from_geojson(json.dumps(geometry), on_invalid="ignore")
        if shape is not None and not shape.is_empty:
            built.append((id_, shapely.make_valid(shape)))
    shapely.prepare([shape for _, shape in built])
    return built
