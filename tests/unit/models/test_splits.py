"""Splits and runs: read as they stand, with what is missing absent, and refused with file and line."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInput
from models.item import NO_LANGUAGE, Item
from models.matrix import Interactions
from models.runs import read_run, write_run
from models.splits import read_split

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "eval"
FILES = {
    "train.csv.gz": "user_id,item_id,ts,weight\na,x,10,1.0\na,y,20,2\nb,x,,\n",
    "folds.csv": "fold,t_start,t_end\n1,inf,inf\n0,15.0,30.0\n",
    "cands.csv.gz": "fold,item_id,cold\n0,x,0\n0,y,1\n0,z,1\n1,z,1\n",
    "test.csv.gz": "qid,user_id,fold,item_id,cold\n0|b,b,0,y,1\n0|b,b,0,z,1\n0|b,b,0,z,1\n1|c,c,1,w,1\n",
    "items.jsonl.gz": '{"item_id": "x", "title": "Uinti", "bow": {"uinti": 2}, "tags": [7, "s", 7], "city": "Kallio", '
    '"organiser": "o", "lat": 60.2, "lon": null, "start_ts": 5}\n{"item_id": "y", "lat": NaN}\n',
}


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "made_up", FILES)


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return folder


def test_a_split_is_read_with_numbers_for_people_and_offers(folder):
    split = read_split(folder)
    assert split.name == "made_up"
    assert split.people == ("a", "b", "c")
    assert [item.id for item in split.items] == ["x", "y", "z", "w"]
    assert split.items[2] == Item(id="z")
    assert split.train.people.tolist() == [0, 0, 1]
    assert split.train.offers.tolist() == [0, 1, 0]
    assert split.train.weights.tolist() == [1, 2, 1]
    assert split.train.times[:2].tolist() == [10, 20]
    assert math.isnan(split.train.times[2])
    assert [column.dtype for column in (split.train.people, split.train.times, split.train.weights)] == [
        np.int32,
        np.float64,
        np.float32,
    ]


def test_a_fold_knows_its_catalogue_its_queries_and_what_followed(folder):
    first, second = read_split(folder).folds
    assert (first.number, first.starts, first.ends) == (0, 15.0, 30.0)
    assert first.candidates.tolist() == [0, 1, 2]
    assert (first.people.tolist(), first.queries) == ([1], ("0|b",))
    assert {person: offers.tolist() for person, offers in first.truth.items()} == {1: [1, 2]}
    assert first.cold.tolist() == [False, True, True, True]
    assert first.among("warm").tolist() == [True, False, False, False]
    assert first.among("cold").tolist() == first.cold.tolist()
    assert first.among("all").all()
    assert (second.number, second.starts, second.people.tolist()) == (1, math.inf, [2])


def test_a_fold_learns_from_what_is_known_to_be_earlier_and_an_endless_one_from_everything(folder):
    split = read_split(folder)
    assert [split.history(fold).offers.tolist() for fold in split.folds] == [[0], [0, 1, 0]]
    assert len(split.train.before(-math.inf)) == 0


def test_an_item_has_what_its_line_tells_and_nothing_else(folder):
    told, bare = read_split(folder).items[:2]
    assert told == Item(
        id="x", title={NO_LANGUAGE: "Uinti"}, terms={"uinti": 2}, tags=("7", "s"), organiser="o", area="Kallio",
        lat=60.2, starts=5,
    )  # fmt: skip
    assert bare == Item(id="y")


def test_columns_that_a_set_lacks_are_absent(tmp_path):
    files = {
        "train.csv.gz": "item_id,user_id\nx,a\nx,b\n",
        "folds.csv": "fold,t_start\n0,inf\n",
        "cands.csv.gz": "fold,item_id\n0,x\n0,y\n",
        "test.csv.gz": "user_id,fold,item_id\na,0,y\n",
        "items.jsonl.gz": '{"item_id": 3}\n',
    }
    split = read_split(written(tmp_path, files))
    (fold,) = split.folds
    assert np.isnan(split.train.times).all()
    assert split.train.weights.tolist() == [1, 1]
    assert (fold.ends, fold.queries) == (math.inf, ("0|a",))
    assert {split.items[n].id: bool(cold) for n, cold in enumerate(fold.cold)} == {"3": True, "x": False, "y": True}


def test_an_empty_split_is_read(tmp_path):
    empty = {name: text.split("\n")[0] + "\n" if name != "items.jsonl.gz" else "" for name, text in FILES.items()}
    split = read_split(written(tmp_path, empty))
    assert (split.folds, split.people, split.items, len(split.train)) == ((), (), (), 0)
    assert split.train.matrix(0, 0).shape == (0, 0)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("train.csv.gz", "user_id,ts\na,1\n", r"train\.csv\.gz, line 1: the column item_id is missing"),
        ("train.csv.gz", "user_id,item_id,ts\na,x,1\nb,y,soon\n", r"line 3: ts is 'soon', which is no number"),
        ("train.csv.gz", "user_id,item_id\na,x\n\nb\n", r"line 4: 2 cells are due, and 1 are there"),
        ("train.csv.gz", "user_id,item_id\n,x\n", "line 2: user_id is empty"),
        ("train.csv.gz", "", "line 1: the column user_id is missing"),
        ("cands.csv.gz", "fold,item_id\n9,x\n", r"cands\.csv\.gz, line 2: fold 9 is not in folds\.csv"),
        ("test.csv.gz", "user_id,fold,item_id\nb,first,x\n", "line 2: fold is 'first', which is no whole number"),
        ("items.jsonl.gz", '{"item_id": "x"}\n{"title": "y"}\n', r"items\.jsonl\.gz, line 2: .*item_id"),
        ("items.jsonl.gz", '{"item_id": "x", "lat": "north"}\n', "line 1: .*lat"),
        ("items.jsonl.gz", "{\n", "line 1: "),
        ("items.jsonl.gz", '{"item_id": "x"}\n{"item_id": "x"}\n', "line 2: the offer x stands there twice"),
    ],
)
def test_what_cannot_be_read_is_told_with_file_and_line(folder, file, text, told):
    written(folder, {file: text})
    with pytest.raises(InvalidInput, match=told):
        read_split(folder)


def test_a_missing_folder_or_file_and_one_that_is_cut_short_are_told(folder):
    with pytest.raises(InvalidInput, match="no folder"):
        read_split(folder / "nowhere")
    whole = (folder / "test.csv.gz").read_bytes()
    for broken in (whole[:-12], b"user_id,item_id\n", gzip.compress(b"\xff\xfe")):
        (folder / "test.csv.gz").write_bytes(broken)
        with pytest.raises(InvalidInput, match=r"test\.csv\.gz cannot be read"):
            read_split(folder)
    (folder / "folds.csv").unlink()
    with pytest.raises(InvalidInput, match=r"folds\.csv is missing"):
        read_split(folder)


@pytest.mark.parametrize("name", ["run.tsv", "run.tsv.gz"])
def test_a_run_that_is_written_is_read_again_and_always_the_same_bytes(folder, tmp_path, name):
    split = read_split(folder)
    write_run(tmp_path / name, split, {(0, 1): np.array([2, 1], np.int32)})
    first = (tmp_path / name).read_bytes()
    write_run(tmp_path / name, split, {(0, 1): np.array([2, 1], np.int32)})
    assert (tmp_path / name).read_bytes() == first
    assert {query: found.tolist() for query, found in read_run(tmp_path / name, split).items()} == {
        (0, 1): [2, 1],
        (1, 2): [],
    }


def test_a_run_that_cannot_be_read_is_told_with_file_and_line(folder, tmp_path):
    split, run = read_split(folder), tmp_path / "run.tsv"
    for text, told in (
        ("0|b\tx\n0|b\ty\n", "line 2: the query 0.b stands there twice"),
        ("0|b\tx q\n", "line 1: the split knows no offer q"),
        ("0|b\tx x\n", "line 1: an offer is listed twice"),
    ):
        run.write_text(text)
        with pytest.raises(InvalidInput, match=told):
            read_run(run, split)
    run.write_text("of another split\tq q\n")
    assert read_run(run, split) == {}
    with pytest.raises(InvalidInput, match="is missing"):
        read_run(tmp_path / "none.tsv", split)


def test_a_matrix_adds_up_what_was_done_several_times():
    found = Interactions.of([0, 0, 1], [1, 1, 0], weights=[1.0, 0.5, 2.0]).matrix(2, 3)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[0, 1.5, 0], [2, 0, 0]]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development splits are not beside this clone")
@pytest.mark.parametrize("name", ["meetup_events", "citeulike_t", "douban_event"])
def test_the_development_splits_are_read_whole(name):
    split = read_split(SHARED / name)
    meta = json.loads((SHARED / name / "meta.json").read_text())
    assert len(split.train) == meta["n_train"]
    assert len(split.folds) == meta["n_folds"]
    assert sum(len(fold.people) for fold in split.folds) == meta["n_queries"]
    assert sum(len(chosen) for fold in split.folds for chosen in fold.truth.values()) == meta["n_test"]
    for fold in split.folds:
        known = np.bincount(split.history(fold).offers, minlength=len(split.items)) > 0
        assert (fold.cold == ~known).all()
