"""What a trip tells."""

from __future__ import annotations

import pickle
from pathlib import Path

import attrs
import pytest
from anyio import Event, fail_after

from asyncflow.abc import Log, Progress, Returned
from asyncflow.executors.dask import relay
from asyncflow.executors.dask.relay import Message, Relay
from tests.support import flows
from tests.support.calls import call

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class Kept:
    sent: list[list[Message]] = attrs.field(factory=list)
    has_come: Event = attrs.field(factory=Event)

    def send(self, data: bytes) -> None:
        self.sent.append(pickle.loads(data))
        self.has_come.set()

    def words(self) -> list[list[str]]:
        return [[one.word for one in messages] for messages in self.sent]


def made(folder: Path, count: int) -> tuple[Relay, Kept]:
    calls = [call(flows.double, folder, job_id=f"JOB_{i}") for i in range(count)]
    return Relay(calls, kept := Kept()), kept


async def test_the_end_is_told_once_with_what_ended(tmp_path: Path) -> None:
    one, kept = made(tmp_path, 2)
    one.all_ended(one.calls, [Returned(()), Returned(())])
    ended = Message("ended", [0, 1], [Returned(()), Returned(())])
    assert pickle.loads(one.end()) == [ended]
    assert kept.sent == [[ended, Message("over", (), None)]]


async def test_what_has_ended_before_the_others_is_told_at_once(tmp_path: Path) -> None:
    one, kept = made(tmp_path, 3)
    one.ended(one.calls[0], Returned(()))
    one.returned(one.calls[2:])
    assert kept.words() == [["ended"], ["returned"]]


async def test_a_large_outcome_is_not_sent_but_returned(tmp_path: Path) -> None:
    one, kept = made(tmp_path, 1)
    one.started(one.calls[0], None)
    one.ended(one.calls[0], large := Returned((b"x" * 100_000,)))
    assert pickle.loads(one.end()) == [Message("ended", [0], [large])]
    assert not {"ended", "over"} & {word for told in kept.words() for word in told}


async def test_the_newest_progress_and_print_come_soon(tmp_path: Path) -> None:
    one, kept = made(tmp_path, 1)
    log = tmp_path / "log"
    log.write_bytes(b"before" + b"y" * relay.PIECE + b"z")
    one.started(one.calls[0], Log(str(log), 6, -1))
    kept.has_come = Event()

    for done in range(10):
        one.reported(one.calls[0], Progress(done, 10, ""))

    with fail_after(5):
        await kept.has_come.wait()

    assert kept.sent[1] == [
        Message("reported", [0], (9, 10, "")),
        Message("printed", [0], (1, b"y" * (relay.PIECE - 1) + b"z")),
    ]
    one.end()


async def test_progress_comes_before_the_end(tmp_path: Path) -> None:
    one, kept = made(tmp_path, 1)
    one.reported(one.calls[0], Progress(1, 1, ""))
    one.ended(one.calls[0], Returned(()))
    one.end()
    assert kept.words() == [["reported", "ended", "over"]]


async def test_an_heir_hears_of_one_call_from_its_beginning(tmp_path: Path) -> None:
    one, _ = made(tmp_path, 3)
    assert one.held() == {"JOB_0": 1, "JOB_1": 1, "JOB_2": 1}
    one.started(one.calls[1], None)
    one.attach("JOB_1", heir := Kept())
    assert heir.sent == [[Message("started", [0], None)]]
    one.returned(one.calls[2:])
    one.all_ended(one.calls[:2], [Returned((b"0",)), Returned((b"1",))])
    ended = [Message("ended", [0], [Returned((b"1",))]), Message("over", (), None)]
    one.end()
    assert ended in heir.sent
    assert one.held() == {"JOB_0": 1, "JOB_1": 1}
    one.attach("JOB_1", late := Kept())
    assert late.sent == [ended]
    one.release(["JOB_1"])
    assert one.held() == {"JOB_0": 1}


async def test_of_what_is_over_and_was_not_told_nothing_is_held(tmp_path: Path) -> None:
    one, _ = made(tmp_path, 1)
    one.end()
    assert one.held() == {}
