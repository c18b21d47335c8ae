"""The worker processes of a pool: how they start, are watched, and end."""

from __future__ import annotations

import errno
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.abc import ByteSendStream
from anyio.lowlevel import checkpoint

from asyncflow.executors.process.anyio_pool import take_idle
from asyncflow.executors.process.pool import Pool
from tests.support.processes import await_death

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("steps", range(16))
async def test_a_start_that_is_cancelled_leaves_no_process(
    pool: Pool, steps: int
) -> None:
    """Whenever it is, also while the system makes the process."""
    async with create_task_group() as group:
        group.start_soon(pool.warm)

        for _ in range(steps):
            await checkpoint()

        group.cancel_scope.cancel()

    assert not pool.workers.alive


async def test_the_end_of_an_idle_worker_is_noticed(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    workers = pool.workers
    worker.signal_group(signal.SIGKILL)

    with fail_after(20):
        while workers.by_pid:
            await checkpoint()

    assert not workers.alive
    assert (await pool.worker(pool.today.pin())).returncode is None


async def test_one_that_is_killed_is_gone_with_what_is_open_of_it(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    await pool.workers.kill(worker)
    assert worker.returncode == -signal.SIGKILL
    assert not pool.has(worker)
    await worker.forget()


async def test_those_that_start_later_have_their_files_in_the_same_folder(
    pool: Pool,
) -> None:
    first = await pool.worker(pool.today.pin())
    folder = await pool.workers.folder()
    assert first.place is folder
    assert first.log_path.startswith(folder.path)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Have the system refuse whatever needs another descriptor."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))

    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_one_ends_where_nobody_can_look_what_it_has_started(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())

    with fail_after(20):
        with no_descriptors():
            await pool.workers.retire(worker)

        await pool.workers._ends([worker])

    assert worker.returncode is not None


async def test_what_it_has_started_in_its_group_ends_even_then(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    child = await pool.call(worker, start_child, b"")

    with fail_after(20), no_descriptors():
        await pool.workers.retire(worker, 0.1)

    with fail_after(20):
        await to_thread.run_sync(await_death, child)


def start_child(_: bytes) -> int:
    return subprocess.Popen(["sleep", "600"]).pid


async def test_one_ends_with_the_pool_whose_own_end_was_not_carried_out() -> None:
    opened = await Pool.open()
    worker = await opened.worker(opened.today.pin())
    del opened.workers.by_pid[worker.pid]
    assert take_idle(worker.process)

    await opened.close(0.1)
    assert worker.returncode is not None


@attrs.define
class Refusing(ByteSendStream):
    """Cannot be closed at first.

    :param stream: what is closed then
    """

    stream: ByteSendStream
    is_first: bool = True

    async def send(self, item: bytes) -> None:
        await self.stream.send(item)

    async def aclose(self) -> None:
        if self.is_first:
            self.is_first = False
            raise OSError(errno.EIO, "not now")

        await self.stream.aclose()


async def test_all_end_with_the_pool_where_the_end_of_one_fails() -> None:
    opened = await Pool.open()

    async with create_task_group() as group:
        for _ in range(2):
            group.start_soon(opened.warm)

    refusing, other = opened.workers.by_pid.values()
    process: Any = refusing.process
    process._stdin = Refusing(process._stdin)

    with pytest.raises(ExceptionGroup) as caught:
        await opened.close()

    assert caught.group_contains(OSError, match="not now")
    assert refusing.returncode == -signal.SIGKILL
    assert other.returncode == 0, "it had its time"
