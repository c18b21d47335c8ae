"""What `import asyncflow` and a worker process may load, counted in modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = frozenset(
    {
        "IPython",
        "dask",
        "distributed",
        "fastapi",
        "ipykernel",
        "multiprocessing",
        "numpy",
        "opentelemetry",
        "pandas",
        "psycopg",
        "sqlalchemy",
        "sqlite3",
        "starlette",
        "tomlkit",
        "tomllib",
        "trio",
        "uvicorn",
        "uvloop",
    }
)
"""What is loaded where it is used, and not before."""

NOT_IN_WORKERS = frozenset({"anyio", "asyncio", "attr", "attrs", "concurrent"})

NOT_AT_FIRST = frozenset({"cloudpickle", "ctypes", "difflib", "hashlib", "uuid"})
"""What few programs need, or need only once a worker starts."""

RARELY = frozenset(
    {
        "asyncflow.dispatch.job_listing",
        "asyncflow.events",
        "asyncflow.notify.stream",
        "asyncflow.notify.subscriptions",
        "asyncflow.recovery.undeclared",
        "asyncflow.runtime.acceptance",
        "asyncflow.values.inputs",
    }
)
"""Of ours, what a first run does not need: each has several attrs classes."""

LATER = frozenset({"dispatch", "engine", "entities", "executors", "open", "stores"})
"""Of ours, what is loaded when an orchestrator is opened."""

NOT_IN_A_RUN = frozenset({"cloudpickle", "difflib", "glob", "hashlib", "uuid"})
"""What a first run does not need, in the process that starts it."""

TEXT = frozenset({"asyncflow.drivers", "asyncflow.executors", "asyncflow.stores"})
"""The lists of what there is to load."""

FIRST_MODULES = 63
"""How many of ours it may take to declare and to make an orchestrator: 63 of them."""

RUN_MODULES = 194
"""How many of ours a first run in worker processes may take: 194 of them. A tenth of a
millisecond of every start each, and half of one for an attrs class: a module more is to
be loaded where it is needed, or to take the place of another."""

RUN_ATTRS = 48
"""How many attrs classes of ours a first run in worker processes may make: 47 of them. A
class with an ``__init__`` of its own costs a tenth."""

WORKER_MODULES = 73
"""The most modules that a worker's first import may add: 71 of them on CPython 3.11."""


RUN = """
import os, anyio, tempfile
from asyncflow import Config, Orchestrator

source = Config.configure_data_node("source", default_data=-3)
result = Config.configure_data_node("result")
cfg = Config.configure_scenario(
    "run", [Config.configure_task("job", abs, source, result)]
)
Config.configure_job_executions("{mode}", 1)

async def main(folder):
    async with Orchestrator(store=os.path.join(folder, "runs.db")) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == 3

with tempfile.TemporaryDirectory() as folder:
    anyio.run(main, folder)
"""
"""A first run."""


ATTRS = """
ours = {
    one
    for name, module in list(sys.modules.items())
    if name.startswith("asyncflow.")
    for one in vars(module).values()
    if isinstance(one, type) and "__attrs_attrs__" in vars(one)
}
sys.modules[str(len(ours))] = None
"""
"""Tells how many attrs classes there are, as the name of a module."""


def loaded_by(code: str) -> set[str]:
    """Return the modules that some code adds to those of a bare interpreter."""
    script = (
        "import json, sys\nbefore = set(sys.modules)\n"
        f"{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_importing_asyncflow_loads_nothing_of_its_own() -> None:
    loaded = {name for name in loaded_by("import asyncflow") if "asyncflow" in name}
    assert loaded == {"asyncflow"}


def test_what_declares_and_opens_loads_little() -> None:
    loaded = loaded_by("import asyncflow; asyncflow.Orchestrator; asyncflow.Config")
    assert "asyncflow.orchestrator" in loaded
    assert tops(loaded) & (HEAVY | NOT_AT_FIRST) == set()
    ours = {name for name in loaded if tops({name}) == {"asyncflow"}}
    assert {part for name in ours - TEXT for part in name.split(".")} & LATER == set()
    assert len(ours) <= FIRST_MODULES, sorted(ours)


def test_the_engine_loads_nothing_heavy() -> None:
    loaded = loaded_by("import asyncflow.runtime.open")
    assert "asyncflow.dispatch.scheduler" in loaded
    assert tops(loaded) & HEAVY == set()


@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_a_run_loads_what_it_needs(mode: str) -> None:
    loaded = loaded_by(RUN.format(mode=mode))
    assert tops(loaded) & (HEAVY - {"sqlite3"} | NOT_IN_A_RUN) == set()
    ours = {name for name in loaded if tops({name}) == {"asyncflow"}}
    assert len(ours) <= RUN_MODULES, sorted(ours)
    assert ("asyncflow.executors.process.executor" in loaded) is (mode == "standalone")
    assert "asyncflow.stores.memory" not in loaded
    assert loaded & RARELY == set()


def test_a_run_makes_few_attrs_classes() -> None:
    made = loaded_by(RUN.format(mode="standalone") + ATTRS) & {*map(str, range(1000))}
    assert [int(one) for one in made] <= [RUN_ATTRS]
    assert made


def test_the_pytest_plugin_loads_nothing_of_its_own() -> None:
    loaded = {
        name
        for name in loaded_by("import asyncflow.testing.plugin")
        if name.startswith("asyncflow")
    }
    assert loaded == {"asyncflow", "asyncflow.testing", "asyncflow.testing.plugin"}


def test_a_worker_loads_little() -> None:
    loaded = loaded_by("import asyncflow.worker.trip")
    ours = {name for name in loaded if name.partition(".")[0] == "asyncflow"}
    others = {name for name in ours if name.split(".")[1:2] not in ([], ["worker"])}
    assert others == {"asyncflow.ids"}
    assert tops(loaded) & (HEAVY | NOT_IN_WORKERS | NOT_AT_FIRST) == set()
    assert "socket" not in loaded
    assert len(loaded) <= WORKER_MODULES, sorted(loaded)


def test_a_crash_that_was_ordered_loads_little() -> None:
    loaded = loaded_by("import asyncflow.testing._crash")
    assert tops(loaded) & (HEAVY | NOT_IN_WORKERS | {"pytest", "_pytest"}) == set()


def test_a_breach_is_found() -> None:
    assert tops(loaded_by("import sqlite3.dbapi2")) & HEAVY == {"sqlite3"}
