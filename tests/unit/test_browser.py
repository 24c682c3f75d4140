import os
from pathlib import Path

import pytest

from tests import browser


def test_the_chromium_that_is_there_is_used(tmp_path: Path) -> None:
    own = tmp_path / "chrome"
    own.touch()
    assert browser.get(own, say=lambda _: None, run=lambda _: False).exists()


def test_where_none_can_be_had_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if any(path.exists() for path in browser.MACOS):
        pytest.skip("this Mac has a Chromium where it always is")
    said: list[str] = []
    ran: list[str] = []

    def run(command) -> bool:
        ran.append(" ".join(command))
        return False

    with pytest.raises(browser.NoBrowser, match="install one"):
        browser.get(tmp_path / "chrome", say=said.append, run=run)
    assert len(said) == 2
    assert ran[0].endswith("playwright install chromium")
    assert ran[-1].endswith("apt-get install -y --no-install-recommends chromium")
    assert ran[-1].startswith("sudo -n") == (os.geteuid() != 0)


def test_playwrights_own_is_got_before_the_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    own = tmp_path / "chrome"

    def run(_) -> bool:
        own.touch()
        return True

    assert browser.get(own, say=lambda _: None, run=run) == own or any(path.exists() for path in browser.MACOS)
