"""The command line as a person meets it: one clear sentence and an exit code, never a traceback."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.commands.parts import RUNNING, note_running
from engine.settings import Settings

ROOT = Path(__file__).parents[2]
NOWHERE = {
    "VINKKI_KAFKA": "127.0.0.1:1",
    "VINKKI_DATABASE": "postgresql://somebody:hush@127.0.0.1:1/vinkki",
    "VINKKI_REDIS": "redis://:hush@127.0.0.1:1/0",
}
COMMANDS = ["demo", "serve", "work", "import", "simulate", "rebuild", "bench", "doctor", "token", "audit", "train"]


def vinkki(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("VINKKI_")} | environment
    command = [sys.executable, "-m", "api", *words]
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True, timeout=120, check=False)


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the one thing that was said before it ended in failure."""
    assert done.returncode not in (0, None)
    assert "hush" not in done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("vinkki: ")
    assert last.endswith(".")
    return last


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    done = vinkki(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_port_in_use_is_named_before_anything_is_started(command, taken, tmp_path):
    done = vinkki(command, "--port", taken, "--home", str(tmp_path / "home"))
    assert f"Port {taken} is in use" in sentence(done)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "postgres").exists()


def test_a_second_demo_on_one_folder_is_refused_with_what_to_do(tmp_path):
    note_running(tmp_path, Settings(home=tmp_path))
    assert f"A demo already runs on {tmp_path}" in sentence(vinkki("demo", "--port", "0", "--home", str(tmp_path)))
    assert list(tmp_path.iterdir()) == [tmp_path / RUNNING]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("VINKKI_PORT", "many", "VINKKI_PORT: "),
        ("VINKKI_ENVIRONMENT", "test", "VINKKI_ENVIRONMENT: "),
        ("VINKKI_ENVIRONMENT", "production", "VINKKI_ISSUER"),
        ("VINKKI_DATABASE", "hush", "VINKKI_DATABASE is no address"),
        ("VINKKI_DATABASE", "postgresql://a:hush@b:many/c", "VINKKI_DATABASE is no address"),
        ("VINKKI_REDIS", "hush", "VINKKI_REDIS is no address"),
        ("VINKKI_REDIS", "redis://:hush@b:many/0", "VINKKI_REDIS is no address"),
        ("VINKKI_HOST", "192.0.2.1", "VINKKI_HOST"),
    ],
)
def test_a_setting_that_cannot_be_is_named_and_its_value_is_not_told(variable, value, said, tmp_path):
    done = vinkki("serve", "--home", str(tmp_path), **{**NOWHERE, "VINKKI_PORT": "0", variable: value})
    assert said in sentence(done)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["serve", "--port", "0"], ["import", "sample"], ["simulate"], ["rebuild"], ["train"], ["audit", "verify"]]
)
def test_a_part_that_is_away_is_said_to_be(words, tmp_path):
    assert "does not answer" in sentence(vinkki(*words, "--home", str(tmp_path), **NOWHERE))


@pytest.mark.parametrize("words", [["resident", "nobody"], ["stranger", "x"]])
def test_a_token_for_nobody_is_refused(words, tmp_path):
    sentence(vinkki("token", *words, "--home", str(tmp_path)))


def test_a_folder_that_cannot_hold_a_key_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = vinkki("token", "staff", "somebody@example.org", "--home", str(tmp_path / "file"))
    assert str(tmp_path / "file") in sentence(done)
    assert "Traceback" not in done.stderr


def doctor(*words: str, **environment: str) -> tuple[bool, dict[str, dict[str, object]]]:
    done = vinkki("doctor", "--json", *words, **environment)
    assert "hush" not in done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode == 0) is told["well"]
    return told["well"], {finding["what"]: finding for finding in told["findings"]}


def test_the_doctor_looks_at_everything_and_names_no_secret(addresses, tmp_path):
    given = {"VINKKI_KAFKA": addresses.kafka, "VINKKI_DATABASE": addresses.database, "VINKKI_REDIS": addresses.redis}
    _, found = doctor("--home", str(tmp_path), **given)
    assert set(found) == {"disk", "mail", "settings", "database", "clock", "redis", "kafka", "lag"}
    assert all(found[what]["well"] for what in ("settings", "database", "clock", "redis", "kafka"))
    assert "no mail server is set (VINKKI_MAIL)" in str(found["mail"]["seen"])
    assert "ms of the database's" in str(found["clock"]["seen"])
    assert "MB free" in str(found["disk"]["seen"])


def test_the_doctor_says_of_each_part_that_is_away_what_to_do(tmp_path):
    well, found = doctor("--home", str(tmp_path), **NOWHERE)
    assert not well
    ill = {what: finding["remedy"] for what, finding in found.items() if not finding["well"]}
    assert {"database", "clock", "redis", "kafka", "lag"} <= set(ill)
    assert all(ill.values())
    assert (
        found["database"]["seen"]
        == "postgresql://somebody:***@127.0.0.1:1/vinkki The database does not answer; repeat in a moment."
    )


def test_the_doctor_answers_where_nothing_is(tmp_path):
    well, found = doctor("--home", str(tmp_path / "none"))
    assert not well
    assert "vinkki demo" in str(found["parts"]["remedy"])
    assert "VINKKI_REDIS" in str(doctor("--home", str(tmp_path), **{**NOWHERE, "VINKKI_REDIS": "hush"})[1]["settings"])
