"""Only what a worker answers is an outcome, and what a job raises can always be told."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Retry, Scenario, Status
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio

PATIENCE = 30


MEMORY = 120_000_000


def many(_: object) -> list[bytes]:
    found: list[bytes] = []

    try:
        while True:
            found.append(b"%d" % len(found))
    except MemoryError:
        return found


def large(_: object) -> bytes:
    return bytes(MEMORY * 3 // 5)


@pytest.mark.parametrize(
    ("function", "says"), [(many, "memory_limit"), (large, "'result'")]
)
async def test_what_has_no_memory_left_says_so(
    function: Callable[..., object], says: str
) -> None:
    config = configuration(workers=1)
    cfg = single(config, function, memory_limit=MEMORY, crash_retries=0)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert f"memory_limit of {MEMORY} bytes" in job.reason
    assert says in job.reason


# --------------------------------------------- what is raised outside of the function


def alarm(_: object) -> None:
    """Leave a timer whose handler raises."""

    def late(*_: object) -> None:
        raise TimeoutError("of an earlier job")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.003)


def interrupt(_: object) -> None:
    """Leave a thread that interrupts what runs then."""
    import _thread

    threading.Timer(0.1, _thread.interrupt_main).start()


def raise_later(kind: type[BaseException]) -> None:
    main = threading.main_thread().ident
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    for _ in range(100):
        time.sleep(0.001)
        raise_in(ctypes.c_ulong(main), ctypes.py_object(kind))  # type: ignore[arg-type]


def throw(_: object) -> None:
    """Leave a thread that raises in the main one, again and again."""
    threading.Thread(target=raise_later, args=(SystemExit,), daemon=True).start()


def patch_pickle(_: object) -> None:
    import pickle

    pickle.dumps = None  # type: ignore[assignment]


def patch_answer(_: object) -> None:
    from asyncflow.worker import wire

    wire.Answer.pack = lambda *_: b"nonsense"  # type: ignore[method-assign]


def add_outcomes(_: object) -> None:
    from asyncflow.worker import wire

    pack = wire.Answer.pack

    def twice(self: wire.Answer, *rest: Any) -> bytes:
        self._rows *= 2
        return pack(self, *rest)

    wire.Answer.pack = twice  # type: ignore[method-assign, assignment]


def exits(_: object) -> None:
    from asyncflow.worker import wire

    def leave(*_: object) -> bytes:
        raise SystemExit(0)

    wire.Answer.pack = leave  # type: ignore[method-assign, assignment]


def patch_read(_: object) -> None:
    os.read = None  # type: ignore[assignment]


def patch_isinstance(_: object) -> None:
    import builtins

    builtins.isinstance = lambda *_: True


STRAYS = (
    alarm,
    interrupt,
    throw,
    patch_pickle,
    patch_answer,
    add_outcomes,
    exits,
    patch_read,
    patch_isinstance,
)


@pytest.mark.parametrize("leave", STRAYS, ids=lambda one: one.__name__)
async def test_what_a_job_leaves_costs_no_other(leave: Callable[..., object]) -> None:
    config = configuration(workers=1)
    bad = config.configure_scenario(
        "bad",
        config.configure_task("leaves", leave, config.configure_data_node("none")),
    )
    good = single(config, lambda value: value + 1)

    async with Orchestrator(config) as orchestrator:
        worse = await orchestrator.create_scenario(bad)
        await worse.none.write(1)
        scenario = await orchestrator.create_scenario(good)

        with fail_after(PATIENCE):
            for _ in range(3):
                await worse.submit().wait()

                for _ in range(20):
                    await scenario.submit()

        unfinished = await orchestrator.submissions(is_finished=False)

    assert not list(unfinished)


@pytest.mark.smoke
async def test_an_interrupt_of_an_idle_worker_costs_nothing() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, lambda _: os.getpid(), crash_retries=0)
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            for _ in range(10):
                await scenario.submit()
                os.kill(await scenario.result.read(), signal.SIGINT)


# ------------------------------------------------------ limits before the start


@pytest.mark.parametrize("limit", [0.0001, 0.001])
@pytest.mark.parametrize("name", ["run_timeout", "stall_timeout"])
async def test_time_that_is_up_before_the_start_is_a_failure(
    name: str, limit: float
) -> None:
    config = configuration(workers=1)
    options: dict[str, Any] = {name: limit, "retry": Retry(2, on=TimeoutError)}
    cfg = single(config, lambda _: time.sleep(600), **options)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            for _ in range(5):
                await check_timed_out(scenario, name)


async def check_timed_out(scenario: Scenario, name: str) -> None:
    submission = await scenario.submit().wait()
    (job,) = submission.jobs
    assert (job.status, len(job.attempts)) == (Status.FAILED, 1)
    assert name in job.reason
