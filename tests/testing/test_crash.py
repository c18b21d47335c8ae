"""What a crashing job runs in its worker process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from asyncflow import Status
from asyncflow.testing import Faults
from tests.support.faults import states, submitted


async def double_later(value: int) -> int:
    return value * 2


@pytest.mark.anyio
async def test_an_async_job_crashes() -> None:
    faults = Faults()
    faults.crash("work")

    (one, other) = await submitted("process", faults, 2, double_later)

    assert states([one, other]) == [Status.FAILED, Status.COMPLETED]
    assert "SIGKILL" in one.jobs[0].reason


def test_it_takes_the_place_of_any_function_and_imports_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}\n"
        "from asyncflow.testing._crash import crash\n"
        "new = {one for one in {*sys.modules} - before if one.startswith('asyncflow')}\n"
        "print(sorted(new), flush=True)\n"
        "crash(1, 'two')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.strip() == (
        "['asyncflow', 'asyncflow.testing', 'asyncflow.testing._crash']"
    )
