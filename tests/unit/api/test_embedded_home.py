import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.embedded import CannotStart, InUse
from api.embedded.errors import check_room, explain, megabytes
from api.embedded.home import PORTS, Home, free_port, is_free
from api.embedded.kafka import PROPERTIES, brokers
from api.embedded.postgres import let_through, socket_folder
from api.embedded.server import wheel


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    held = Home(tmp_path / "home", print)
    yield held
    held.release()


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_held_home_names_its_owner_to_the_next(home: Home) -> None:
    with pytest.raises(InUse, match=rf"Another Vinkki \(process {os.getpid()}\) already runs on .*; stop it first"):
        Home(home.path, print)


def test_a_released_home_can_be_held_again(tmp_path: Path) -> None:
    Home(tmp_path, print).release()
    Home(tmp_path, print).release()


def test_ports_stay_the_same_while_they_are_free(home: Home) -> None:
    first = home.ports("kafka", "valkey")
    assert home.ports("kafka", "valkey") == first
    assert len(set(first.values())) == 2
    assert all(port in PORTS for port in first.values())


def test_a_port_that_was_taken_meanwhile_is_replaced(home: Home, listener: int) -> None:
    (home.path / "ports.json").write_text(json.dumps({"kafka": listener, "valkey": free_port()}))
    assert home.ports("kafka")["kafka"] != listener


@pytest.mark.parametrize("content", ["", "{", '{"kafka": '])
def test_a_half_written_file_of_ports_is_written_anew(home: Home, content: str) -> None:
    (home.path / "ports.json").write_text(content)
    assert home.ports("kafka") == json.loads((home.path / "ports.json").read_text())


def test_a_port_somebody_listens_on_is_not_free(listener: int) -> None:
    assert not is_free(listener)


def test_a_halted_start_goes_no_further(home: Home) -> None:
    home.halt.set()
    with pytest.raises(CannotStart):
        home.pause(60)


def test_too_full_a_disk_is_said_with_how_much_is_needed_and_where(tmp_path: Path) -> None:
    check_room(tmp_path, 1)
    with pytest.raises(
        CannotStart, match=rf"The disk is too full: {tmp_path} needs 1000000000000 MB and \d+ MB are free"
    ):
        check_room(tmp_path, 10**18)


def test_an_error_of_the_file_system_names_the_folder(tmp_path: Path) -> None:
    sentence = explain(PermissionError(13, "Permission denied"), tmp_path).detail
    assert sentence == f"The folder {tmp_path} cannot be written (Permission denied); choose another one."


def test_megabytes_are_rounded_up() -> None:
    assert [megabytes(count) for count in (0, 1, 1_000_000, 1_000_001)] == [0, 1, 1, 2]


def test_a_socket_lies_in_the_home_unless_its_path_would_be_too_long() -> None:
    assert socket_folder(Path("/short")) == Path("/short/socket")
    deep = Path("/deep" * 30)
    assert len(str(socket_folder(deep))) < 90
    assert socket_folder(deep) == socket_folder(deep) != socket_folder(deep / "er")
    assert "," not in str(socket_folder(Path("/a,b")))


def test_folders_above_let_through_without_showing_what_is_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "private" / "home"
    folder.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    let_through(folder)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o711


def test_nobody_there_means_no_broker(listener: int) -> None:
    assert brokers(free_port(taken=[listener])) == 0


def test_the_broker_listens_on_this_machine_only_and_makes_no_topic_by_itself() -> None:
    lines = PROPERTIES.format(port=1, controller=2, data="data").splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2" in lines
    assert "auto.create.topics.enable=false" in lines


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(CannotStart, match="The package no_such_wheel is not installed"):
        wheel("no_such_wheel")
