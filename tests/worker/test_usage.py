"""What a job uses of the machine, measured and limited in its process."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest

from asyncflow import (
    Orchestrator,
)
from asyncflow.worker.usage import Meter, limit_of, memory_limited
from tests.support import flows
from tests.support.flows import configuration, single

PATIENCE = 40.0
"""How long whatever may take, in seconds."""


def be_busy(seconds: float) -> None:
    end = time.process_time() + seconds

    while time.process_time() < end:
        pass


def be_busy_in_child(seconds: float) -> None:
    code = f"import time\nwhile time.process_time() < {seconds}: pass"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("function", [be_busy, be_busy_in_child])
async def test_the_cpu_time_of_a_job(function: flows.Function) -> None:
    config = configuration(workers=1)
    cfg = single(config, function, 0.5)
    idle = config.configure_scenario(
        "idle", config.configure_task("rest", flows.increment)
    )

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        usage = submission.jobs[0].usage
        (record,) = await orchestrator.jobs()
        after = await (await orchestrator.create_scenario(idle)).submit()

    assert usage is not None
    assert usage.cpu is not None
    assert 0.45 < usage.cpu < 1.5
    assert usage.wall > 0.45
    assert abs(usage.started - time.time()) < 2 * PATIENCE
    assert record.cpu_seconds == usage.cpu
    assert record.peak_rss == usage.peak_rss
    other = after.jobs[0].usage
    assert other is not None
    assert other.cpu is not None
    assert other.cpu < 0.3


def take(size: int) -> int:
    block = bytearray(size)
    block[::4096] = b"x" * len(block[::4096])
    return len(block)


MIB = 1 << 20


@pytest.mark.anyio
async def test_the_peak_of_memory_is_each_jobs_own() -> None:
    config = configuration(workers=1)
    cfg = single(config, take)
    peaks = []

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for size in (MIB, 100 * MIB, MIB):
            await scenario.source.write(size)
            submission = await scenario.submit(force=True)
            usage = submission.jobs[0].usage
            assert usage is not None
            assert usage.peak_rss is not None
            peaks.append(usage.peak_rss)

    first, large, last = peaks
    assert 5 * MIB < first < large
    assert 90 * MIB < large - first < 130 * MIB
    assert abs(last - first) < 30 * MIB


# ------------------------------------------------------------------- in this process


def test_a_meter_measures_one_job_after_the_other() -> None:
    meter = Meter()
    meter.begin(measure_peak=False)
    be_busy(0.05)
    busy, peak = meter.measured(0.05)
    idle, same = meter.passed(0.0)
    assert 0.04 < busy < 1
    assert idle < 0.04
    assert peak == same > 5 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="the system forgets a peak")
def test_a_peak_can_be_forgotten() -> None:
    meter = Meter()
    take(60 * MIB)
    meter.begin(measure_peak=True)
    _, before = meter.measured(0.0)
    take(60 * MIB)
    _, after = meter.measured(0.0)
    assert 50 * MIB < after - before < 90 * MIB


def test_memory_is_limited_as_long_as_a_job_runs() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)

    with memory_limited(200 * MIB):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
        assert limit_of(resource.RLIMIT_AS) == before  # what is put right is that

        with pytest.raises(MemoryError):
            bytearray(300 * MIB)

    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert limit_of(resource.RLIMIT_NOFILE) == resource.getrlimit(
        resource.RLIMIT_NOFILE
    )


def test_without_a_limit_nothing_changes() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)

    with memory_limited(None):
        assert resource.getrlimit(resource.RLIMIT_AS) == before
