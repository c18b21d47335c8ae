"""What the machine of `test_machine` runs: scenarios, jobs that do as they are told, and
a store that dies with its orchestrator."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import anyio
import attrs

from asyncflow import Configuration, Retry, Scope
from asyncflow.errors import StoreFailed
from asyncflow.records import Record
from asyncflow.stores.sqlite import SqliteStore
from asyncflow.worker.current import current_job

FOLDER = "ASYNCFLOW_TEST_MACHINE"
"""The environment variable that names the folder in which jobs are told what to do."""

RESOURCES = {"gpu": 2.0, "disk": 1.0}

# ------------------------------------------------------------------- what jobs may do


def told() -> str:
    """Write down that a job has started; return what it is told to do."""
    folder = Path(os.environ[FOLDER])
    job = current_job()
    assert job is not None
    session = (folder / "session").read_text()

    with open(folder / "started", "a") as file:
        file.write(f"{session} {job.id} {job.attempt}\n")

    try:
        orders = json.loads((folder / job.submission_id).read_text())
    except FileNotFoundError:
        return "work"

    attempts = orders.get(job.task, [])
    return attempts[job.attempt - 1] if job.attempt <= len(attempts) else "work"


def gate() -> str:
    """Return what changes when those may go on that wait for the machine."""
    return (Path(os.environ[FOLDER]) / "gate").read_text()


def is_open(before: str) -> bool:
    """Tell whether it has changed."""
    now = gate()
    return now == "open" or now not in (before, "")


def sleep_on() -> NoReturn:
    while True:
        time.sleep(60)


def work(*values: int) -> int:
    match told():
        case "fail":
            raise ValueError("as told")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            raise SystemExit(3)
        case "be slow":
            time.sleep(0.04)
        case "wait":
            before = gate()

            while not is_open(before):
                time.sleep(0.002)
        case "hang":
            sleep_on()
        case "ignore SIGTERM":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sleep_on()

    return 1 + sum(values)


# How fast a function is known to be is kept for each function: hence several.


def work_a(*values: int) -> int:
    return work(*values)


def work_b(*values: int) -> int:
    return work(*values)


def work_c(*values: int) -> int:
    return work(*values)


async def work_inline(*values: int) -> int:
    match told():
        case "fail" | "crash":
            raise ValueError("as told")
        case "exit":
            raise SystemExit(3)
        case "be slow":
            await anyio.sleep(0.01)
        case "wait":
            before = gate()

            while not is_open(before):  # noqa: ASYNC110  # it is a file
                await anyio.sleep(0.002)
        case "hang":
            await anyio.sleep_forever()
        case "ignore SIGTERM":  # for a while
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.03)

    return 1 + sum(values)


ENDLESS = ["hang", "ignore SIGTERM"]
ORDERS = ["fail", "crash", "exit", "be slow", "wait", *ENDLESS]

# ------------------------------------------------------------------------- what there is

SHAPES: dict[str, list[list[int]]] = {
    "chain": [[], [0], [1]],
    "fan": [[], [], [], []],
    "diamond": [[], [0], [0], [1, 2]],
}
"""For each task of a shape, those that it needs."""

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "retried": {"retry": Retry(3), "crash_retries": 2},
    "later": {"retry": Retry(2, wait=0.01), "crash_retries": 0},
    "timed": {"run_timeout": 0.05, "retry": Retry(3)},
    "long": {"run_timeout": 0.6},
    "fragile": {"on_restart": "fail"},
    "needy": {"retry": Retry(2)},
    "skippable": {"skippable": True},
    "reading": {},
    "writing": {},
}

NEEDS = [{"gpu": 1}, {"gpu": 2}, {"gpu": 1, "disk": 1}, {"disk": 1}]

NAMES = [f"{kind}_{shape}" for kind in KINDS for shape in SHAPES]
"""The scenario configs."""

LIMITED = {name for name in NAMES if name.startswith(("timed_", "long_"))}
"""Those with tasks that have a run_timeout."""


def declare(workers: int, *, inline: bool) -> Configuration:
    """Declare a scenario for each kind of task and each shape."""
    config = Configuration()
    config.configure_job_executions(
        "standalone",
        workers,
        echo=False,
        prewarm=False if inline else None,
        kill_grace=0.2,
        shutdown_grace=0.1,
        resources=RESOURCES,
    )
    config.configure_data_node("total", scope=Scope.GLOBAL, default_data=0)
    functions = [work_inline] if inline else [work_a, work_b, work_c]

    for index, kind in enumerate(KINDS):
        function = functions[index % len(functions)]

        for shape in SHAPES:
            _declare(config, kind, shape, function)

    return config


def _declare(
    config: Configuration, kind: str, shape: str, function: Callable[..., object]
) -> None:
    name = f"{kind}_{shape}"
    source = config.configure_data_node(f"{name}_in", default_data=0)
    total = config.data_nodes["total"]
    nodes: list[Any] = []
    tasks = []

    for index, needed in enumerate(SHAPES[shape]):
        inputs = [nodes[one] for one in needed] or [source]
        is_last = index == len(SHAPES[shape]) - 1

        if kind == "reading":
            inputs.append(total)

        if kind == "writing" and is_last:
            nodes.append(total)
        else:
            nodes.append(config.configure_data_node(f"{name}_{index}"))

        options: dict[str, Any] = {**KINDS[kind]}

        if kind == "needy":
            options["needs"] = NEEDS[index]

        tasks.append(
            config.configure_task(
                task_name(name, index),
                function,
                inputs,
                nodes[-1],
                **options,
            )
        )

    config.configure_scenario(name, tasks)


def task_name(scenario: str, index: int) -> str:
    return f"{scenario}_t{index}"


def value_of(shape: str, index: int) -> int:
    """Return what a task of a shape makes."""
    return 1 + sum(value_of(shape, one) for one in SHAPES[shape][index])


def count_of(name: str) -> int:
    """Return how many tasks a scenario has."""
    return len(SHAPES[shape_of(name)])


def kind_of(name: str) -> str:
    return name.partition("_")[0]


def shape_of(name: str) -> str:
    return name.partition("_")[2]


# ---------------------------------------------------------------- a store that is killed


@attrs.define(eq=False)
class MortalStore(SqliteStore):
    """Once it is dead it takes and gives nothing, as after the kill of its process."""

    is_dead: bool = attrs.field(init=False, default=False)

    def save(self, *records: Record) -> None:
        if not self.is_dead:
            super().save(*records)

    async def _put(self, *change: Any) -> Any:
        self._check()
        return await super()._put(*change)

    async def _settled(self) -> Any:
        self._check()
        opened = await super()._settled()
        self._check()
        return opened

    def _check(self) -> None:
        if self.is_dead:
            raise StoreFailed(self.path, "it was killed", "open another")
