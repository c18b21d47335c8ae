"""Small configurations for tests, and functions that workers import by name."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio import fail_after

from asyncflow import (
    Configuration,
    Event,
    EventStream,
    JobStarted,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    Submission,
    SubmissionFinished,
)

Function = Callable[..., Any]
GLOBAL = Scope.GLOBAL


def configuration(
    mode: str = "standalone", workers: int = 2, **options: Any
) -> Configuration:
    """Make a configuration.

    :param options: more of how jobs are executed
    """
    config = Configuration()
    quiet = {"echo": False, "kill_grace": 0.2}
    config.configure_job_executions(mode, workers, **{**quiet, **options})
    return config


def single(
    config: Configuration,
    function: Function,
    value: object = 1,
    *,
    executor: str = "process",
    storage_type: str = "in_memory",
    skippable: bool = False,
    **options: Any,
) -> ScenarioConfig:
    """Declare one task: ``source`` -> ``result``.

    :param options: more of the task
    """
    source = config.configure_data_node("source", storage_type, default_data=value)
    result = config.configure_data_node("result", storage_type)
    task = config.configure_task(
        "work",
        function,
        source,
        result,
        executor=executor,
        skippable=skippable,
        **options,
    )
    return config.configure_scenario("single", task)


def chain(
    config: Configuration, *functions: Function, **options: Any
) -> ScenarioConfig:
    """Declare tasks in a row: ``n0`` -> ``t0`` -> ``n1`` -> ``t1`` -> ..."""
    nodes = [config.configure_in_memory_data_node("n0", default_data=1)]
    tasks = []

    for index, function in enumerate(functions):
        nodes.append(config.configure_in_memory_data_node(f"n{index + 1}"))
        tasks.append(
            config.configure_task(
                f"t{index}", function, nodes[index], nodes[-1], **options
            )
        )

    return config.configure_scenario("chain", tasks)


def fan(
    config: Configuration, function: Function, count: int, **options: Any
) -> ScenarioConfig:
    """Declare independent tasks: ``source`` -> ``f0``, ``f1``, ..."""
    source = config.configure_in_memory_data_node("source", default_data=1)
    tasks = [
        config.configure_task(
            f"f{index}",
            function,
            source,
            config.configure_in_memory_data_node(f"r{index}"),
            **options,
        )
        for index in range(count)
    ]
    return config.configure_scenario("fan", tasks)


def statuses(scenario_jobs: Any) -> list[str]:
    return [job.status.value for job in scenario_jobs]


async def make_short(orchestrator: Orchestrator, scenario: Scenario) -> None:
    """Run it until its functions are known to be short."""
    assert orchestrator._session.engine is not None
    known = orchestrator._session.engine.specs._durations._known

    while not known or not all(pace.is_short for pace in known.values()):
        await scenario.submit()


async def until_started(submission: Submission, count: int = 1) -> None:
    """Wait until so many of its jobs have started."""
    with fail_after(20):
        async for event in submission:
            count -= isinstance(event, JobStarted)

            if not count:
                return


async def until_finished(
    events: EventStream[Event], *submissions: Submission
) -> list[Event]:
    """Read events up to the end of the last of some runs."""
    left = {submission.id for submission in submissions}
    read = []

    with fail_after(20):
        while left:
            read.append(await anext(events))

            if isinstance(read[-1], SubmissionFinished):
                left.discard(read[-1].submission_id)

    return read


async def result_of(scenario: Scenario) -> Any:
    return await scenario.result.read()


# ------------------------------------------------------------------- what jobs may do


def double(value: int) -> int:
    return value * 2


def fail(value: object) -> None:
    raise ValueError(f"no {value}")


class TwoArguments(Exception):
    """Does not survive pickling: it builds its message from other arguments."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} and {other}")


class Locked(Exception):
    """Cannot be pickled at all."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


def raise_two_arguments(_: object) -> None:
    raise TwoArguments(1, 2)


def raise_locked(_: object) -> None:
    raise Locked("locked")


def print_much(_: object) -> int:
    print("x" * 5_000_000)
    return 1


def print_in_child(_: object) -> int:
    return subprocess.run(["echo", "from a child"], check=True).returncode


def read_stdin(_: object) -> str:
    return sys.stdin.read()


def write_from_c(_: object) -> int:
    library = ctypes.CDLL(None)
    library.puts(b"stdout of C")
    return int(library.write(2, b"stderr of C\n", 12))


def return_lock(_: object) -> object:
    return {"parts": [1, threading.Lock()]}


def exit_python(_: object) -> None:
    sys.exit(4)


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def exit_hard(_: object) -> None:
    print("last words", flush=True)
    os._exit(3)


def kill_self(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fork_and_return(_: object) -> int:
    child = os.fork()

    if not child:
        return -1

    os.waitpid(child, 0)
    return 7


def fork_and_raise(_: object) -> int:
    child = os.fork()

    if not child:
        raise ValueError("in the child")

    os.waitpid(child, 0)
    return 7


def close_streams(_: object) -> int:
    sys.stdout.close()
    os.closerange(0, 3)
    return 1


def change_directory(_: object) -> str:
    before = os.getcwd()
    os.chdir("/")
    return before


def touch_and_block(path: str) -> None:
    """Say that it runs, then never end; with a child process that ignores SIGTERM."""
    command = 'trap \'\' TERM; echo $$ > "$0.child"; mv "$0.child" "$0"; while :; do sleep 600; done'
    subprocess.run(["sh", "-c", command, path], check=False)


def block(_: object) -> None:
    threading.Event().wait()


def collects_garbage(_: object) -> bool:
    return gc.isenabled()


def pid(_: object) -> int:
    return os.getpid()


def worker_pids(_: object) -> tuple[int, int]:
    return os.getpid(), os.getpgid(0)


def open_orchestrator(_: object) -> None:
    import anyio

    from asyncflow import Orchestrator

    async def main() -> None:
        async with Orchestrator():
            pass

    anyio.run(main)


def three_values(_: object) -> tuple[int, int, int]:
    return 1, 2, 3


def is_alive(process: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    with suppress(OSError), open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"

    return False


def add_and_read(value: int) -> int:
    return value + 1


def increment() -> int:
    return 1


def add(one: int, other: int) -> int:
    return one + other


def thousand() -> list[int]:
    return [1] * 1000


def large() -> bytes:
    return bytes(1_000_000)


def identity(value: object) -> object:
    return value


def wait_for_file(path: str) -> int:
    while not os.path.exists(path):
        pass

    return os.getpid()


def meet_three(folder: str) -> int:
    """Return when three of these run at once, each in a process of its own."""
    open(os.path.join(folder, f"here{os.getpid()}"), "w").close()

    while sum(name.startswith("here") for name in os.listdir(folder)) < 3:
        pass

    return os.getpid()


async def seen_by(orchestrator: Orchestrator, submission: Submission) -> Submission:
    found = await orchestrator.get(submission.id)
    assert isinstance(found, Submission)
    assert found is not submission
    return found
