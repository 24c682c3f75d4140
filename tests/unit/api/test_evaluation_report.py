"""The page of a report: it stands alone, tells each plot's figures in a table too, and takes any name."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from api.commands.evaluation_report import page, write_report
from models.calibration import calibrate
from models.report import report
from tests.unit.models.judged_town import best, town

NAME = "<script>alert('x')</script> & $x$ 北京"


class Outline(HTMLParser):
    """The elements of a page and the ids among them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [own for _, attributes in self.elements if (own := attributes.get("id"))]


@pytest.fixture(scope="module")
def text() -> str:
    split, rng = town(), np.random.default_rng(1)
    chances = calibrate(rng.random(500), rng.random(500) < 0.5)
    return page(report(split, {NAME: best(split), "nothing": {}}, calibration=chances))


def test_the_page_loads_nothing_and_runs_nothing(text):
    found = Outline(text)
    assert text.startswith('<!doctype html><html lang="en">')
    assert {tag for tag, _ in found.elements} & {"script", "link", "img", "iframe", "object"} == set()
    links = [value for _, attributes in found.elements for name, value in attributes.items() if name in ("href", "src")]
    assert all(link.startswith("#") for link in links)
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert re.findall(r"url\((?!#)|@import", text) == []


def test_every_plot_has_words_and_its_figures_in_a_table_after_it(text):
    found = Outline(text)
    drawings = found.all("svg")
    assert len(drawings) == 4
    assert all(one["role"] == "img" and "table" in one["aria-label"] for one in drawings)
    assert len({one["aria-label"] for one in drawings}) == 4
    tags = [tag for tag, _ in found.elements if tag in ("h1", "h2", "svg", "table")]
    assert tags == [
        "h1", "h2", "table", "table", "h2", "svg", "table", "table", "h2", "svg", "table", "h2", "svg", "table",
        "h2", "svg", "table", "h2",
    ]  # fmt: skip
    assert len(found.all("caption")) == len(found.all("table")) == len(found.all("figcaption")) + 3


def test_ids_are_there_once_and_what_is_referred_to_exists(text):
    ids = Outline(text).ids()
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:href=\"|url\()#([^\")]+)", text)) == set(ids)


def test_the_same_report_makes_the_same_page(text, tmp_path):
    split, rng = town(), np.random.default_rng(1)
    chances = calibrate(rng.random(500), rng.random(500) < 0.5)
    write_report(tmp_path / "r.html", report(split, {NAME: best(split), "nothing": {}}, calibration=chances))
    assert (tmp_path / "r.html").read_text("utf-8") == text


def test_the_page_says_in_words_who_is_better_and_what_is_not_told(text):
    assert "It is better than “nothing”: +1.000 [+1.000, +1.000], paired by query." in text
    assert "is 0.142, 86 % below that of “nothing”, 1.000." in text
    assert "Of fewer than 20 residents, and so not told: district: Suomenlinna." in text


def test_a_run_alone_and_one_that_is_empty_have_a_page():
    split = town()
    alone = page(report(split, {"nothing": {}}))
    assert "This run tells no chances" in alone
    assert "paired" not in alone.partition("How this was judged")[0]
    empty = page(report(split, {"nothing": {}, "also nothing": {}}, "warm"))
    assert "Nothing can be said of “also nothing”: there is no query." in empty


def test_without_matplotlib_one_sentence_says_what_to_install():
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from tests.unit.models.judged_town import best, town\n"
        "from api.commands.evaluation_report import page\n"
        "from models.report import report\n"
        "from engine.errors import Misconfigured\n"
        "try: page(report(town(), {'x': best(town())}))\n"
        "except Misconfigured as error: print(error.detail)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.strip().endswith("install it with: pip install 'vinkki[report]'.")
