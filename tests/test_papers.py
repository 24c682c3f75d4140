"""The papers say what the code does."""

import re
from pathlib import Path

from typer.main import get_command

from api.cli import app
from engine.consent import Purpose
from engine.settings import Settings

ROOT = Path(__file__).parent.parent


def test_every_setting_is_on_the_page_of_settings_and_no_other():
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    named = set(re.findall(r"VINKKI_[A-Z_]+", page))
    assert named == {f"VINKKI_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in get_command(app).commands if f"vinkki {name}" not in readme] == []


def test_every_link_of_the_papers_leads_somewhere():
    papers = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(paper, link) for paper in papers for link in re.findall(r"\]\(([^)#]+)\)", paper.read_text("utf-8"))]
    assert [
        (paper.name, link) for paper, link in links if "://" not in link and not (paper.parent / link).exists()
    ] == []


POINTERS = re.compile(r"`((?:api|bench|engine|models|stream|tests)/[\w./-]+)(?:::(\w+))?`")


def test_all_that_the_paper_on_privacy_points_at_exists():
    pointers = POINTERS.findall((ROOT / "docs/privacy.md").read_text("utf-8"))
    assert [path for path, _ in pointers if not (ROOT / path).exists()] == []
    tests = [(path, test) for path, test in pointers if test]
    assert len(tests) > 30
    assert [
        test
        for path, test in tests
        if not re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ] == []


def test_every_table_and_purpose_that_holds_somebody_is_in_the_paper_on_privacy():
    paper = (ROOT / "docs/privacy.md").read_text("utf-8")
    migrations = "".join(
        path.read_text("utf-8") for path in (ROOT / "engine/records/migrations/versions").glob("0*.py")
    )
    tables = re.findall(r"^\s*CREATE TABLE (\w+) \(\n((?:.*,?\n)+?)\s*\)", migrations, re.MULTILINE)
    personal = {
        name
        for name, columns in tables
        if re.search(r"^\s*(resident|person|guardian|dependant|helper) ", columns, re.MULTILINE)
    }
    assert {"journal", "residents", "guardians"} <= personal
    assert [name for name in sorted(personal) if f"`{name}`" not in paper] == []
    assert [its for its in Purpose if not its.marketing and f"`{its}`" not in paper] == []


def test_decisions_are_numbered_without_gaps_and_dated():
    decisions = sorted((ROOT / "docs/decisions").glob("0*.md"))
    assert [int(paper.name[:4]) for paper in decisions] == list(range(1, len(decisions) + 1))
    assert all(
        re.search(r"^Date: \d{4}-\d\d-\d\d · Status: ", paper.read_text("utf-8"), re.MULTILINE) for paper in decisions
    )
