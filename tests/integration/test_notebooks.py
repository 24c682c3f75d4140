"""The notebooks run from their first cell to their last, and leave nothing behind."""

import os
import tempfile
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks_and_they_are_numbered():
    assert NOTEBOOKS
    assert all(path.name[:2].isdecimal() and path.name[2] == "_" for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_runs_to_its_end_and_leaves_nothing_behind(path, tmp_path):
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=240,
        kernel_name="python3",
        shutdown_kernel="graceful",
        resources={"metadata": {"path": ROOT}},
    )
    await client.async_execute(env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)})
    assert [left.name for left in tmp_path.iterdir()] == []
    assert [p.pid for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_no_folder_of_the_machine_it_was_written_on(path):
    text, here = path.read_text("utf-8"), (f"{tempfile.gettempdir()}/", f"{Path.home()}/", str(ROOT), "Traceback")
    assert [word for word in here if word in text] == []
