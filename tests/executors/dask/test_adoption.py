"""What an orchestrator takes over in a cluster, and what becomes of who had it."""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from anyio import Event, create_task_group, to_thread

from asyncflow.abc import Crashed, Killed, Log, Returned
from asyncflow.executors.dask import adoption
from asyncflow.log import logger
from tests.support import dask_cluster
from tests.support.calls import call
from tests.support.counted_jobs import begin_and_wait, noted, until_begun
from tests.support.dask_programs import Programs
from tests.support.processes import lives

pytestmark = [pytest.mark.anyio, pytest.mark.limit(90)]


async def test_an_heir_hears_of_a_job_from_its_beginning(
    programs: Programs, tmp_path: Path
) -> None:
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    first, heir = await programs.open("first"), await programs.open("heir")
    programs.run(first, one)
    await to_thread.run_sync(until_begun, tmp_path, 1)
    assert await heir.take_over("first") == {"JOB_1": 1}
    heard = programs.run(heir, one)
    await heard.has_started.wait()
    assert isinstance(heard.logs[0], Log)
    (tmp_path / "go").touch()
    await heard.has_ended.wait()
    assert isinstance(heard.outcomes["JOB_1"], Returned)
    assert len(noted(tmp_path / "begun")) == len(noted(tmp_path / "ended")) == 1


async def test_an_heir_hears_of_one_that_has_ended_and_is_not_durable(
    programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    first, heir = await programs.open("first"), await programs.open("heir")
    await programs.run(first, one).has_ended.wait()
    assert await heir.take_over("first") == {"JOB_1": 1}
    heard = programs.run(heir, one)
    await heard.has_ended.wait()
    assert isinstance(heard.outcomes["JOB_1"], Returned)
    assert len(noted(tmp_path / "begun")) == 1
    third = await programs.open("third")
    assert await third.take_over("heir") == {"JOB_1": 1}, "the heir has not kept it"


async def test_another_attempt_is_another_job(
    programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    first, heir = await programs.open("first"), await programs.open("heir")
    await programs.run(first, one).has_ended.wait()
    await heir.take_over("first")
    await programs.run(heir, one._replace(attempt=2)).has_ended.wait()
    assert len(noted(tmp_path / "begun")) == 2


async def test_who_was_taken_for_dead_reaches_nothing_any_more(
    programs: Programs, tmp_path: Path
) -> None:
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    heir = await programs.open("heir")

    async with AsyncExitStack() as stack:
        first = await Programs(programs.address, stack, programs.group).open("first")
        lost = programs.run(first, one)
        ((pid, _),) = await to_thread.run_sync(until_begun, tmp_path, 1)
        await heir.take_over("first")
        heard = programs.run(heir, one)
        await heard.has_started.wait()
        await lost.has_ended.wait()
        outcome = lost.outcomes["JOB_1"]
        assert isinstance(outcome, Crashed)
        assert outcome.detail == "another program has taken it over"
        assert not outcome.is_charged
        first.kill(one, now=True)

    assert lives(pid), "it is the heir's"
    (tmp_path / "go").touch()
    await heard.has_ended.wait()
    assert isinstance(heard.outcomes["JOB_1"], Returned)


async def test_an_heir_ends_a_job(programs: Programs, tmp_path: Path) -> None:
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    first, heir = await programs.open("first"), await programs.open("heir")
    programs.run(first, one)
    ((pid, _),) = await to_thread.run_sync(until_begun, tmp_path, 1)
    await heir.take_over("first")
    heard = programs.run(heir, one)
    await heard.has_started.wait()
    heir.kill(one, now=True)
    await heard.has_ended.wait()
    assert isinstance(heard.outcomes["JOB_1"], Killed)
    assert not lives(pid)


async def test_a_silent_host_is_waited_for(
    cluster: dask_cluster.Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs there is not begun anew elsewhere."""
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    told = Event()
    monkeypatch.setattr(adoption, "PATIENCE", 0.3)
    monkeypatch.setattr(logger, "warning", lambda *_: told.set())

    async with Programs.opened(cluster.address) as programs:
        first, heir = await programs.open("first"), await programs.open("heir")
        programs.run(first, one)
        ((_, host),) = await to_thread.run_sync(until_begun, tmp_path, 1)
        found: dict[str, int] = {}

        async def take_over() -> None:
            found.update(await heir.take_over("first"))

        async with create_task_group() as group:
            os.kill(host, signal.SIGSTOP)

            try:
                group.start_soon(take_over)
                await told.wait()
                assert not found
            finally:
                os.kill(host, signal.SIGCONT)

        assert found == {"JOB_1": 1}


@pytest.mark.may_leave("file", reason="a killed host removes no folder")
async def test_a_silent_host_is_given_up_where_the_scheduler_does_so(
    impatient: dask_cluster.Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    monkeypatch.setattr(adoption, "PATIENCE", 0.3)

    async with Programs.opened(impatient.address) as programs:
        first, heir = await programs.open("first"), await programs.open("heir")
        programs.run(first, one)
        ((_, host),) = await to_thread.run_sync(until_begun, tmp_path, 1)
        os.kill(host, signal.SIGSTOP)

        try:
            assert await heir.take_over("first") == {}
        finally:
            os.kill(host, signal.SIGCONT)
