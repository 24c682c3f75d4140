"""`vinkki evaluate` as anybody runs it: a folder in, a run out."""

import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.evaluation import difference, judge
from models.matrix import DAY
from models.runs import read_run
from models.splits import read_split
from tests.unit.models.worlds import NOW, TOPICS, world

SPLITS = Path(__file__).parents[2].parent / "shared/data/eval"


def evaluate(*arguments, **settings):
    command = [sys.executable, "-m", "api", "evaluate", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=500)


def write(path, header, rows):
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def folder(tmp_path):
    """A split made up of topics: who likes what is known, and a week ahead is judged."""
    items, seen = world()
    folder = tmp_path / "topics"
    folder.mkdir()
    rows = [
        (f"u{p}", items[o].id, t, 1) for p, o, t in zip(seen.people, seen.offers, seen.times, strict=True) if t < NOW
    ]
    write(folder / "train.csv.gz", ("user_id", "item_id", "ts", "weight"), rows)
    write(folder / "folds.csv", ("fold", "t_start", "t_end"), [(0, NOW, NOW + 28 * DAY)])
    ahead = [item for item in items if item.starts >= NOW]
    write(folder / "cands.csv.gz", ("fold", "item_id"), [(0, item.id) for item in ahead])
    liked = [(p, item) for p in range(80) for item in ahead[-8:] if item.id.startswith(TOPICS[p % len(TOPICS)])]
    write(folder / "test.csv.gz", ("user_id", "fold", "item_id"), [(f"u{p}", 0, item.id) for p, item in liked])
    with gzip.open(folder / "items.jsonl.gz", "wt") as file:
        for item in items:
            told = {"title": item.title["en"], "organiser": item.organiser, "tags": item.tags, "start_ts": item.starts}
            file.write(json.dumps({"item_id": item.id, **told}) + "\n")
    return folder


def test_what_is_liked_is_ranked_first(folder, tmp_path):
    done = evaluate(folder, "--out", tmp_path / "run.tsv")
    assert done.returncode == 0, done.stderr
    split = read_split(folder)
    found = judge(split, read_run(tmp_path / "run.tsv", split)).figures["ndcg@10"]
    assert np.mean(found) > 0.9


def test_what_offers_mean_is_judged_too_where_it_is_turned_on(folder, tmp_path):
    for name, options, setting in (("words", (), "false"), ("meaning", ("--embedding",), ""), ("too", (), "true")):
        done = evaluate(folder, "--out", tmp_path / name, *options, VINKKI_EMBEDDING=setting)
        assert done.returncode == 0, done.stderr
    split = read_split(folder)
    assert np.mean(judge(split, read_run(tmp_path / "meaning", split)).figures["ndcg@10"]) > 0.9
    words, meaning, too = ((tmp_path / name).read_text() for name in ("words", "meaning", "too"))
    assert words != meaning == too


def test_only_new_offers_are_ranked_where_only_they_are_asked_for(folder, tmp_path):
    done = evaluate(folder, "--out", tmp_path / "run.tsv", "--subset", "cold")
    assert done.returncode == 0, done.stderr
    split = read_split(folder)
    lists = read_run(tmp_path / "run.tsv", split)
    assert lists
    assert all(split.folds[0].cold[offers].all() for offers in lists.values())


def test_a_folder_that_is_no_split_is_one_sentence(tmp_path):
    done = evaluate(tmp_path, "--out", tmp_path / "run.tsv")
    assert done.returncode == 1
    assert done.stderr.startswith("vinkki: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("subset", ["all", "warm", "cold"])
def test_on_real_events_it_is_better_than_the_best_single_method_or_as_good(subset, tmp_path):
    folder = SPLITS / "douban_event"
    if not folder.exists():
        pytest.skip("The real events of ../shared/data/eval are not here.")
    done = evaluate(folder, "--out", tmp_path / "run.tsv", "--subset", subset)
    assert done.returncode == 0, done.stderr
    split = read_split(folder)
    ours = judge(split, read_run(tmp_path / "run.tsv", split), subset)
    best = judge(split, read_run(folder / f"peers/best_single.{subset}.tsv.gz", split), subset)
    assert difference(ours, best, ["ndcg@10"])["ndcg@10"].sign >= (0 if subset == "cold" else 1)


def test_the_report_compares_with_what_is_popular_and_with_other_runs(folder, tmp_path):
    first, page = tmp_path / "first.tsv", tmp_path / "page.html"
    assert evaluate(folder, "--out", first).returncode == 0
    done = evaluate(folder, "--out", tmp_path / "run.tsv", "--report", page, "--beside", first)
    assert done.returncode == 0, done.stderr
    told = page.read_text()
    assert all(word in told for word in ("Vinkki", "popular", "first.tsv", "<svg"))
    assert "below that of “popular”" in told
    assert "Chances and what happened lie" in told


def test_a_log_is_judged_off_policy_and_too_little_is_said_to_be(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(a, int(rng.random() < 0.1 + 0.3 * a), 0.5, a) for a in rng.integers(0, 2, 4_000).tolist()]
    write(tmp_path / "log.csv", ("action", "reward", "propensity", "target"), rows)
    done = evaluate("--logged", tmp_path / "log.csv")
    assert done.returncode == 0, done.stderr
    assert "IPS" in done.stdout.upper()
    assert "0.3" in done.stdout or "0.4" in done.stdout
    write(tmp_path / "short.csv", ("action", "reward", "propensity", "target"), rows[:5])
    assert "too few" in evaluate("--logged", tmp_path / "short.csv").stdout.lower().replace("\n", " ")


def test_without_anything_to_judge_it_says_what_to_give():
    done = evaluate()
    assert done.returncode == 2
    assert "--logged" in done.stderr
