"""The channel: what a worker tells its parent, which never holds up a job."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.worker import channel
from asyncflow.worker.channel import LONGEST, NAME, Channel, listen, receive, short
from asyncflow.worker.current import Progress


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with listen(str(tmp_path)) as made:
        yield made


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Channel]:
    made = Channel(str(tmp_path))
    yield made
    made.close()


def heard(listening: socket.socket) -> list[tuple[str, channel.Message]]:
    errors: list[BaseException] = []
    found = list(receive(listening, errors.append))
    assert not errors
    return found


def test_what_is_told_arrives_in_its_order(
    listening: socket.socket, worker: Channel
) -> None:
    assert heard(listening) == []
    worker.send("JOB_a_1", None)
    worker.send("JOB_a_1", Progress(1, 2, "é"))
    assert worker.send_records("JOB_b_1", [b"one", b"two"])

    assert heard(listening) == [
        ("JOB_a_1", None),
        ("JOB_a_1", Progress(1, 2, "é")),
        ("JOB_b_1", [b"one", b"two"]),
    ]
    assert heard(listening) == []


@pytest.mark.parametrize("is_record", [False, True])
def test_it_knows_whether_there_is_something_to_hear(
    worker: Channel, is_record: bool
) -> None:
    before = worker.has_sent

    if is_record:
        worker.send_records("JOB_a_1", [b"one"])
    else:
        worker.send("JOB_a_1", Progress(1, 2))

    assert (before, worker.has_sent) == (False, True)


def test_without_a_parent_nothing_is_raised(worker: Channel) -> None:
    worker.send("JOB_a_1", Progress(1, 2))
    assert not worker.send_records("JOB_a_1", [b"one"])


def test_a_parent_that_does_not_listen_holds_nobody_up(
    listening: socket.socket, worker: Channel
) -> None:
    count = 0

    while worker.send_records("JOB_a_1", [b"x" * 1000]):
        count += 1

    worker.send("JOB_a_1", Progress(1, 2))  # dropped: the next one makes up for it
    assert len(heard(listening)) == count > 0
    assert worker.send_records("JOB_a_1", [b"later"])
    assert heard(listening) == [("JOB_a_1", [b"later"])]


def test_what_makes_no_sense_is_dropped(
    listening: socket.socket, worker: Channel, tmp_path: Path
) -> None:
    errors: list[BaseException] = []

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(tmp_path / NAME))
        sender.send(b"garbage")

    worker.send("JOB_a_1", None)
    assert list(receive(listening, errors.append)) == [("JOB_a_1", None)]
    assert len(errors) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_a_path_is_short_enough_for_a_socket(tmp_path: Path) -> None:
    near = str(tmp_path / NAME)[-LONGEST:]

    with short(near) as path:
        assert path == near

    deep = tmp_path.joinpath(*["folder" * 5] * 5)
    deep.mkdir(parents=True)

    with listen(str(deep)) as listening, short(str(deep / NAME)) as path:
        assert len(path) <= LONGEST
        assert os.path.samefile(path, deep / NAME)
        worker = Channel(str(deep))
        worker.send("JOB_a_1", None)
        worker.close()
        assert heard(listening) == [("JOB_a_1", None)]
