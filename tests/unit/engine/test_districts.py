"""Points, divisions and their names."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from engine.districts import PREFIX, Divisions, Located, normalise, type_of, within_city
from engine.errors import Misconfigured
from engine.language import Language

CITY = Path(__file__).parents[3] / ".." / "shared" / "data" / "districts"
NAMES = CITY.parent / "volunteering_ui" / "neighborhood.json"
KALLIO_LIBRARY = (60.1841, 24.9492)


def square(west: float, south: float, size: float) -> dict:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def made_up(tmp_path):
    features = [
        {
            "properties": {"aluejako": "KAUPUNGINOSA", "nimi_fi": "ETU-TÖÖLÖ", "nimi_se": "FRÄMRE TÖLÖ"},
            "geometry": square(24.9, 60.1, 0.1),
        },
        {"properties": {"ocd_id": f"{PREFIX}peruspiiri:kampinmalmi"}, "geometry": square(24.9, 60.1, 0.2)},
        {"properties": {"ocd_id": "ocd-division/country:fi/kunta:helsinki"}, "geometry": square(24.0, 60.0, 2)},
        {"properties": {"aluejako": "OSA-ALUE", "nimi_fi": "Itäkeskus"}, "geometry": square(24.0, 60.0, 2)},
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    names = [{"ocd_id": f"{PREFIX}peruspiiri:kampinmalmi", "name": {"fi": "Kampinmalmi", "sv": "Kampmalmen"}}]
    (tmp_path / "b.json").write_text(json.dumps({"results": names}))
    return tmp_path


def test_a_point_lies_in_its_neighbourhood_and_district(made_up):
    divisions = Divisions.read(made_up)
    assert divisions.locate(60.15, 24.95) == Located(f"{PREFIX}neighborhood:etu-töölö", f"{PREFIX}district:kampinmalmi")
    assert divisions.locate(60.25, 25.05) == Located(None, f"{PREFIX}district:kampinmalmi")
    assert divisions.locate(61.0, 25.0) == Located()


def test_names_come_from_any_file_and_else_from_the_id(made_up):
    divisions = Divisions.read(made_up)
    assert divisions.name_of(f"{PREFIX}district:kampinmalmi", Language.SV) == "Kampmalmen"
    assert divisions.name_of(f"{PREFIX}neighborhood:etu-töölö", Language.SV) == "Främre Tölö"
    assert divisions.name_of(f"{PREFIX}neighborhood:pasila", Language.EN) == "Pasila"
    assert len(divisions.ids) == 2


def test_a_name_that_is_not_shouted_is_preferred(made_up):
    names = [{"ocd_id": f"{PREFIX}kaupunginosa:etu-töölö", "name": {"sv": "Främre tölö"}}]
    (made_up / "c.json").write_text(json.dumps({"results": names}))
    divisions = Divisions.read(made_up)
    assert divisions.name_of(f"{PREFIX}neighborhood:etu-töölö", Language.SV) == "Främre tölö"
    assert divisions.name_of(f"{PREFIX}neighborhood:etu-töölö", Language.FI) == "Etu-Töölö"


def test_without_a_file_every_point_is_nowhere():
    assert Divisions.read(None).locate(*KALLIO_LIBRARY) == Located()


def test_what_cannot_be_read_names_the_setting(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(Misconfigured, match=r"VINKKI_DISTRICTS.*x\.json"):
        Divisions.read(tmp_path)
    (tmp_path / "x.json").write_text('{"features": []}')
    with pytest.raises(Misconfigured, match="no division of Helsinki"):
        Divisions.read(tmp_path / "x.json")
    with pytest.raises(Misconfigured, match="nowhere"):
        Divisions.read(tmp_path / "nowhere.geojson")


def test_the_box_holds_the_islands_and_the_far_east():
    for lat, lon in (KALLIO_LIBRARY, (60.1454, 24.9881), (60.2780, 25.1980), (60.2490, 25.2500), (60.1000, 25.2000)):
        assert within_city(lat, lon)
    for lat, lon in ((60.2055, 24.6559), (60.2934, 25.0378 + 0.3), (0.0, 0.0), (24.95, 60.17)):
        assert not within_city(lat, lon)


@given(st.text())
def test_an_id_is_normalised_to_itself_or_refused(text):
    for id_ in (normalise(text), normalise(f"kaupunginosa:{text}")):
        assert id_ is None or normalise(id_) == id_


@pytest.mark.skipif(not CITY.is_dir(), reason="the city's district files are not beside this clone")
def test_the_citys_own_files_are_read():
    divisions = Divisions.read(CITY)
    kinds = [type_of(id_) for id_ in divisions.ids]
    assert (kinds.count("neighborhood"), kinds.count("district"), kinds.count("major_district")) == (60, 34, 8)
    assert divisions.name_of(f"{PREFIX}major_district:kaakkoinen", Language.SV) == "Sydöstra"
    kallio = divisions.locate(*KALLIO_LIBRARY)
    assert [id_.rpartition(":")[2] for id_ in kallio] == ["kallio", "kallio", "keskinen"]
    features = json.loads((CITY / "kaupunginosat.geojson").read_text())["features"]
    for feature in features:
        point = shape(feature["geometry"]).representative_point()
        assert within_city(point.y, point.x)
        found = divisions.locate(point.y, point.x).neighborhood
        assert found == normalise(f"kaupunginosa:{feature['properties']['nimi_fi']}")


@pytest.mark.skipif(not NAMES.is_file(), reason="the city's list of neighbourhoods is not beside this clone")
def test_the_list_of_neighbourhoods_has_the_same_ids_as_the_polygons():
    listed = Divisions.read(NAMES)
    assert {i for i in Divisions.read(CITY).ids if type_of(i) == "neighborhood"} == set(listed.ids)
    assert listed.name_of(f"{PREFIX}neighborhood:länsisatama", Language.SV) == "Västra Hamnen"
