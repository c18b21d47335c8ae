"""Only what a worker answers is an outcome, and what a job raises can always be told."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import pytest
from anyio import fail_after, to_process

from asyncflow import Orchestrator, Retry, Scenario, Status, SubmissionFailed
from asyncflow.executors.process.anyio_pool import is_of_worker
from asyncflow.executors.process.pool import NullLimiter, Pool
from asyncflow.worker.failure import kinds_of, raised, summary_of
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio

PATIENCE = 30


class Recursive(Exception):
    """Passes unknown attributes on, as proxies do, to what was never set."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Mute(Exception):
    """Ends the program when it is asked what it says."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Interrupted(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise SystemExit(3)


class Traceless(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("none of your business")

    def with_traceback(self, tb: object) -> Self:
        raise RuntimeError("none of your business")


class Causes(Exception):
    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise SystemExit(3)

    @property
    def __notes__(self) -> Any:  # type: ignore[override]
        raise RecursionError


class Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__qualname__", "__name__", "__module__", "__mro__"):
            raise RuntimeError(name)

        return super().__getattribute__(name)


class OddClass(Exception, metaclass=Nameless):
    pass


class Text(str):
    __slots__ = ()

    def strip(self, *_: object) -> Any:
        raise RuntimeError


class OddText(Exception):
    def __str__(self) -> str:
        return Text("odd")


HARD = [
    Recursive,
    Mute,
    Interrupted,
    Unpicklable,
    Traceless,
    Causes,
    OddClass,
    OddText,
]


@pytest.mark.parametrize("kind", HARD, ids=range(len(HARD)))
def test_any_error_is_described(kind: type[Exception]) -> None:
    try:
        raise kind("no connection")
    except Exception as error:
        outcome = raised(error, None)

    assert type(outcome.summary) is str
    assert outcome.summary
    assert outcome.traceback
    assert outcome.kinds[-2:] == ("builtins.BaseException", "builtins.object")


@pytest.mark.parametrize("executor", ["process", "thread", "inline"])
@pytest.mark.parametrize("kind", HARD, ids=range(len(HARD)))
@pytest.mark.blocking_jobs
async def test_any_error_is_a_failure(kind: type[Exception], executor: str) -> None:
    if kind is OddClass and executor == "process":
        pytest.skip("it cannot travel")

    config = configuration()

    def fail(_: object) -> None:
        raise kind("no connection")

    cfg = single(config, fail, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert job.reason


class NotFound(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"no such customer: {name}")
        self.name = name


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_an_error_says_its_message_once(executor: str) -> None:
    config = configuration()

    def fail(_: object) -> None:
        raise NotFound("ann")

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, fail, executor=executor)
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()

    failed = submission.error()
    assert isinstance(failed, SubmissionFailed)
    cause = failed.exceptions[0].__cause__
    assert isinstance(cause, NotFound)
    assert str(cause) == "no such customer: ann"
    assert cause.name == "ann"


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


def leave(kind: type[BaseException]) -> None:
    raise kind("of the worker")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ValueError])
async def test_what_is_assumed_of_what_anyio_raises(
    pool: Pool, kind: type[BaseException]
) -> None:
    with pytest.raises(kind) as found:
        await to_process.run_sync(leave, kind, limiter=NullLimiter(pool))

    assert is_of_worker(found.value)
    found.value.__traceback__ = None
    assert not is_of_worker(found.value)


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


def test_kinds_and_summaries_are_those_of_the_class() -> None:
    error = FileNotFoundError(2, "gone", "a.csv")

    assert summary_of(error) == "FileNotFoundError: [Errno 2] gone: 'a.csv'"
    assert kinds_of(error)[0] == "builtins.FileNotFoundError"
