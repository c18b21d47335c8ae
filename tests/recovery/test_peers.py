"""Orchestrators speak to each other."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow.errors import NotDeclared, UsageError
from asyncflow.recovery import peers as _peers
from asyncflow.recovery.peers import PeerGone, Peers, Refused, Send
from asyncflow.worker.channel import short
from tests.support.programs import environment

pytestmark = [pytest.mark.anyio, pytest.mark.both_loops]


class Owner:
    """Has one run, which ends when it is told."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.canceled: list[tuple[str, str]] = []
        self.paused: list[tuple[str, bool]] = []
        self.guests: list[str] = []
        self.waiting = 0

    async def wait_for_peer(self, submission_id: str) -> None:
        self.waiting += 1

        try:
            await self.ended.wait()
        finally:
            self.waiting -= 1

    async def tell_peer(self, submission_id: str, since: int, send: Send) -> None:
        await send(f"{submission_id} from {since}\n".encode())
        await self.wait_for_peer(submission_id)

    def cancel_for_peer(self, submission_id: str, reason: str) -> None:
        self.canceled.append((submission_id, reason))

    async def pause_for_peer(self, submission_id: str, *, is_paused: bool) -> None:
        self.paused.append((submission_id, is_paused))

    async def retry_for_peer(self, submission_id: str) -> str:
        if submission_id == "SUBMISSION_1":
            return "SUBMISSION_2"

        if submission_id == "SUBMISSION_2":
            raise UsageError("nothing is left")

        raise NotDeclared(submission_id, "sales", "which is not declared")

    async def tell_output(self, job_id: str, send: Send) -> None:
        await send(f'"{job_id} prints"\n'.encode())

    async def greeted(self, orchestrator_id: str) -> None:
        self.guests.append(orchestrator_id)

    def peers(self) -> Peers:
        return Peers(self)


@pytest.mark.smoke
async def test_waits_for_the_end_of_a_run() -> None:
    owner = Owner()

    with fail_after(20):
        async with (
            owner.peers() as peers,
            create_task_group() as group,
        ):
            for _ in range(300):
                group.start_soon(_peers.wait, peers.address, "SUBMISSION_1")

            while owner.waiting < 300:
                await anyio.lowlevel.checkpoint()

            owner.ended.set()


async def test_tells_what_a_job_prints() -> None:
    owner = Owner()

    with fail_after(20):
        async with owner.peers() as peers:
            lines = [line async for line in _peers.follow(peers.address, "JOB_a_1")]
            assert lines == [b'"JOB_a_1 prints"']

    with pytest.raises(PeerGone):
        [line async for line in _peers.follow(peers.address, "JOB_a_1")]


async def test_an_answer_that_is_taken_at_once_is_no_error() -> None:
    owner = Owner()
    owner.ended.set()
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))

    with fail_after(20):
        async with owner.peers() as peers:
            for _ in range(30):
                async with create_task_group() as group:
                    for _ in range(10):
                        # In a thread: it closes the connection while the owner goes on.
                        group.start_soon(to_thread.run_sync, ask, peers.address)

    loop.set_exception_handler(None)
    assert errors == []


def ask(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as asker, short(address) as path:
        asker.connect(path)
        asker.sendall(b'{"wait": "SUBMISSION_1"}\n')
        assert asker.recv(100) == b"done\n"


async def test_tells_who_watches_a_run_what_happens_until_its_end() -> None:
    owner = Owner()
    lines: list[bytes] = []

    def take(line: bytes) -> None:
        lines.append(line)
        owner.ended.set()

    with fail_after(20):
        async with owner.peers() as peers:
            await _peers.watch(peers.address, "SUBMISSION_1", 7, take)

    assert lines == [b"SUBMISSION_1 from 7"]


async def test_who_watches_and_does_not_read_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_peers, "PATIENCE", 0.1)
    sent = 0
    given_up = anyio.Event()

    class Flood(Owner):
        async def tell_peer(self, submission_id: str, since: int, send: Send) -> None:
            nonlocal sent

            try:
                while True:
                    await send(b"x" * 10_000)
                    sent += 1
            finally:
                given_up.set()

    with fail_after(20):
        async with (
            Flood().peers() as peers,
            await anyio.connect_unix(peers.address) as stream,
        ):
            await stream.send(b'{"watch": "SUBMISSION_1", "since": 0}\n')
            await given_up.wait()
            await _peers.cancel(peers.address, "SUBMISSION_1", "")  # it goes on

    assert sent < 1_000


async def test_passes_a_cancel_on() -> None:
    owner = Owner()

    async with owner.peers() as peers:
        await _peers.cancel(peers.address, "SUBMISSION_1", "no more ümläuts")

    assert owner.canceled == [("SUBMISSION_1", "no more ümläuts")]


async def test_passes_a_pause_on() -> None:
    owner = Owner()

    async with owner.peers() as peers:
        await _peers.pause(peers.address, "SUBMISSION_1", is_paused=True)
        await _peers.pause(peers.address, "SUBMISSION_1", is_paused=False)

    assert owner.paused == [("SUBMISSION_1", True), ("SUBMISSION_1", False)]


async def test_runs_again_what_it_can() -> None:
    with fail_after(20):
        async with Owner().peers() as peers:
            again = await _peers.retry(peers.address, "SUBMISSION_1")
            assert again == "SUBMISSION_2"

            with pytest.raises(Refused, match="nothing is left") as known:
                await _peers.retry(peers.address, "SUBMISSION_2")

            with pytest.raises(Refused, match="sales") as unknown:
                await _peers.retry(peers.address, "SUBMISSION_3")

    assert (known.value.is_declared, unknown.value.is_declared) == (True, False)

    with pytest.raises(PeerGone):
        await _peers.retry(peers.address, "SUBMISSION_1")


async def test_takes_note_of_a_greeting() -> None:
    owner = Owner()

    async with owner.peers() as peers:
        await _peers.greet(peers.address, "ORCHESTRATOR_1")
        assert owner.guests == ["ORCHESTRATOR_1"]
        await _peers.greet(peers.address, "ORCHESTRATOR_2")

    assert owner.guests == ["ORCHESTRATOR_1", "ORCHESTRATOR_2"]


async def test_who_stops_waiting_is_waited_for_no_more() -> None:
    owner = Owner()

    with fail_after(20):
        async with owner.peers() as peers:
            async with create_task_group() as group:
                group.start_soon(_peers.wait, peers.address, "SUBMISSION_1")

                while not owner.waiting:
                    await anyio.lowlevel.checkpoint()

                group.cancel_scope.cancel()

            while owner.waiting:
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{\n",
        b"[1]\n",
        b'{"wait": 1}\n',
        b'{"hello": null}\n',
        b'{"watch": "SUBMISSION_1", "since": null}\n',
        b"\xff\n",
        b"x" * 70_000,
        b'{"wait": "',
    ],
    ids=[
        "empty",
        "half",
        "list",
        "number",
        "null",
        "since",
        "bytes",
        "long",
        "unfinished",
    ],
)
async def test_whatever_else_is_asked_the_connection_is_closed(line: bytes) -> None:
    owner = Owner()

    with fail_after(20):
        async with owner.peers() as peers:
            async with await anyio.connect_unix(peers.address) as stream:
                await stream.send(line)

                if line.endswith(b'"'):
                    await stream.send_eof()

                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await stream.receive()

            await _peers.cancel(peers.address, "SUBMISSION_1", "")  # it goes on


async def test_an_owner_that_closes_is_gone() -> None:
    owner = Owner()
    seen: list[str] = []

    async def wait(address: str) -> None:
        with pytest.raises(PeerGone):
            await _peers.wait(address, "SUBMISSION_1")

        seen.append(address)

    with fail_after(20):
        async with (
            create_task_group() as group,
            owner.peers() as peers,
        ):
            group.start_soon(wait, peers.address)

            while not owner.waiting:
                await anyio.lowlevel.checkpoint()

        assert seen == [peers.address]

        with pytest.raises(PeerGone):
            await _peers.wait(peers.address, "SUBMISSION_1")


async def test_an_owner_that_is_killed_is_gone(tmp_path: Path) -> None:
    program = """
import anyio
from asyncflow.recovery.peers import Peers

class Owner:
    async def wait_for_peer(self, submission_id):
        await anyio.sleep_forever()

    def cancel_for_peer(self, submission_id, reason):
        pass

async def main():
    async with Peers(Owner()) as peers:
        print(peers.address, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""
    process = await anyio.open_process(
        [sys.executable, "-c", program], stderr=None, env=environment()
    )

    with fail_after(30):
        async with process:
            assert process.stdout is not None
            address = (await process.stdout.receive()).decode().strip()

            async with create_task_group() as group:

                async def wait() -> None:
                    with pytest.raises(PeerGone):
                        await _peers.wait(address, "SUBMISSION_1")

                group.start_soon(wait)
                await _peers.cancel(address, "SUBMISSION_1", "")
                process.kill()

    # The next one to make a temporary folder removes what the killed one has left.
    async with Owner().peers():
        assert not await anyio.Path(address).parent.exists()


async def test_a_long_path_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    owner = Owner()

    async with owner.peers() as peers:
        assert peers.address.startswith(str(folder))
        await _peers.cancel(peers.address, "SUBMISSION_1", "far")

    assert owner.canceled == [("SUBMISSION_1", "far")]
