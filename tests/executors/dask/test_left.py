"""What workers do with what a dead orchestrator has left in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import to_thread

from tests.support.calls import call
from tests.support.counted_jobs import begin_and_wait, until_begun
from tests.support.dask_programs import Programs
from tests.support.processes import lives

pytestmark = [pytest.mark.anyio, pytest.mark.limit(90)]


async def test_what_it_never_had_is_not_found(programs: Programs) -> None:
    heir = await programs.open("heir")
    assert await heir.take_over("nobody") == {}


async def test_what_nobody_wants_is_ended_and_its_processes_with_it(
    programs: Programs, tmp_path: Path
) -> None:
    one = call(begin_and_wait, tmp_path, str(tmp_path))
    first, heir = await programs.open("first"), await programs.open("heir")
    programs.run(first, one)
    ((pid, _),) = await to_thread.run_sync(until_begun, tmp_path, 1)
    await heir.take_over("first")
    await heir.let_go("first", ["JOB_1"])
    assert not lives(pid)
    assert await heir.take_over("first") == {}
