"""Programs that are killed before the store knows of them leave no agents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Submission
from tests.support import dask_cluster
from tests.support.counted_jobs import await_file, begin_and_wait, until_begun
from tests.support.dask_cluster import configuration
from tests.support.flows import single
from tests.support.processes import await_death

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.may_leave("file", reason="a killed process removes no folder"),
]

PROGRAM = """
import anyio, functools, sys
from asyncflow.executors.dask import cluster
from tests.executors.dask.test_owner_watch import begin

cluster.OwnerWatch = functools.partial(cluster.OwnerWatch, pause=0.2)
anyio.run(begin, *sys.argv[1:])
"""


async def begin(address: str, folder: str, store: str, is_busy: str) -> None:
    """Open an orchestrator, perhaps with a job, and wait to be killed."""
    config = configuration(address)
    cfg = single(config, begin_and_wait, folder)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        if is_busy == "busy":
            await scenario.submit().accepted()

        await to_thread.run_sync(Path(folder, "open").touch)
        await to_thread.run_sync(await_file, Path(folder, "never"))


def killed(folder: Path, *arguments: str) -> tuple[int, int] | None:
    """Run the program, and kill it; return who runs its job, and the Dask worker."""
    command = (sys.executable, "-c", PROGRAM, *arguments)

    with subprocess.Popen(command) as process:
        if arguments[-1] == "busy":
            (found,) = until_begun(folder, 1)
        else:
            await_file(folder / "open")
            found = None

        process.kill()

    return found


async def test_agents_are_closed_that_hold_nothing(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    where = shared.address, str(tmp_path), ":memory:", "idle"

    await to_thread.run_sync(killed, tmp_path, *where)
    await to_thread.run_sync(shared.await_empty)


async def test_agents_stay_that_have_something_for_who_takes_over(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    where = shared.address, str(tmp_path), str(tmp_path / "runs.db"), "busy"

    with fail_after(90):
        found = await to_thread.run_sync(killed, tmp_path, *where)
        assert found is not None
        config = configuration(shared.address)
        single(config, begin_and_wait, str(tmp_path))

        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            (record,) = await orchestrator.submissions()
            submission = await orchestrator.get(record.id)
            assert isinstance(submission, Submission)
            (tmp_path / "go").touch()
            await submission.wait()
            await to_thread.run_sync(await_death, found[0])

        assert (tmp_path / "ended").read_text().split() == [str(found[0])]
        await to_thread.run_sync(shared.await_empty)
