"""Workers know the code and the world of their program as they are today."""

from __future__ import annotations

import importlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from anyio import create_task_group

from asyncflow import Configuration, Orchestrator, ScenarioConfig
from tests.support.flows import configuration, single
from tests.support.programs import run

pytestmark = pytest.mark.anyio


class User(Warning):
    """A category that workers load with this module."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder on ``sys.path``; its modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = {*sys.modules}
    yield tmp_path

    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def edit(folder: Path, text: str, name: str = "edited_steps") -> None:
    (folder / f"{name}.py").write_text(text)
    importlib.invalidate_caches()


def says(what: str) -> str:
    return f"import os\ndef step(x):\n    return {what!r}, os.getpid()\n"


def load(name: str = "edited_steps") -> ModuleType:
    return importlib.import_module(name)


async def result(
    orchestrator: Orchestrator, function: Callable[..., Any] | ScenarioConfig
) -> Any:
    if isinstance(function, ScenarioConfig):
        cfg = function
    else:
        cfg = declare(orchestrator.config, function)

    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()
    return await scenario.result.read()


def declare(config: Configuration, function: Callable[..., Any]) -> ScenarioConfig:
    name = function.__name__
    source = config.configure_data_node("source", default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task(f"do_{name}", function, source, result)
    return config.configure_scenario(f"all_{name}", [task])


async def results(
    orchestrator: Orchestrator, cfg: ScenarioConfig, count: int = 4
) -> set[str]:
    """Return what jobs say that run beside each other."""
    found = set()

    async def one() -> None:
        found.add((await result(orchestrator, cfg))[0])

    async with create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)

    return found


@pytest.mark.smoke
async def test_all_workers_run_the_file_as_it_is_now(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(folder, says("one"))
    config = configuration(workers=2)
    cfg = single(config, load().step)

    async with Orchestrator(config, ":memory:") as orchestrator:
        assert await results(orchestrator, cfg) == {"one"}

        for now in ("two", "a third", "the last"):
            edit(folder, says(now))
            assert await results(orchestrator, cfg) == {now}

    (said,) = [one.message for one in caplog.records if one.name == "asyncflow"]
    assert said.startswith(f"{folder}/edited_steps.py changed on disk")


async def test_what_was_reloaded_runs_in_jobs(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(folder, says("one"))
    module = load()
    config = configuration(workers=2)
    cfg = single(config, module.step)

    async with Orchestrator(config, ":memory:") as orchestrator:
        assert await results(orchestrator, cfg) == {"one"}
        edit(folder, says("two!"))
        importlib.reload(module)
        assert await results(orchestrator, cfg) == {"two!"} == {module.step(1)[0]}
        first = await result(orchestrator, cfg)
        assert await result(orchestrator, cfg) == first  # the worker stays warm

    assert not [one for one in caplog.records if one.name == "asyncflow"]


async def test_a_module_that_a_function_uses_counts(folder: Path) -> None:
    edit(folder, "HOW = 'one'\n", "edited_help")
    edit(folder, "import edited_help\ndef step(x):\n    return edited_help.HOW\n")
    config = configuration(workers=1)
    cfg = single(config, load().step)

    async with Orchestrator(config, ":memory:") as orchestrator:
        assert await result(orchestrator, cfg) == "one"
        edit(folder, "HOW = 'another'\n", "edited_help")
        assert await result(orchestrator, cfg) == "another"


async def test_a_module_that_is_edited_while_its_job_runs_counts(folder: Path) -> None:
    text = "import pathlib\ndef step(x):\n    pathlib.Path(__file__).write_text(x)\n"
    edit(folder, text)
    config = configuration(workers=1)
    cfg = single(config, load().step, says("edited by itself"))

    async with Orchestrator(config, ":memory:") as orchestrator:
        assert await result(orchestrator, cfg) is None
        assert (await result(orchestrator, cfg))[0] == "edited by itself"


async def test_a_file_that_is_gone_changes_nothing(folder: Path) -> None:
    edit(folder, says("one"))
    config = configuration(workers=1)
    cfg = single(config, load().step)

    async with Orchestrator(config, ":memory:") as orchestrator:
        before = await result(orchestrator, cfg)
        (folder / "edited_steps.py").unlink()
        assert await result(orchestrator, cfg) == before


def worlds(_: object) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "path": sys.path,
        "argv": sys.argv,
        "new": os.environ.get("GENERATION"),
        "is_there": "GENERATION" in os.environ,
        "folder": os.getcwd(),
        "filters": [(one[0], one[2]) for one in warnings.filters],
    }


@pytest.fixture
def _same_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Modules that only workers have loaded are loaded anew when `sys.path` changes.
    importlib.import_module("tests.support.job_modules")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])

    with warnings.catch_warnings():
        yield

    os.environ.pop("GENERATION", None)


@pytest.mark.usefixtures("_same_world")
async def test_a_warm_worker_is_given_the_world_of_now(tmp_path: Path) -> None:
    config = configuration(workers=1)
    folder = os.getcwd()

    async with Orchestrator(config, ":memory:") as orchestrator:
        first = await result(orchestrator, worlds)
        assert first["argv"] == sys.argv
        assert first["path"] == sys.path
        assert first["new"] is None

        sys.argv.append("--fast")
        sys.path.append(str(tmp_path))
        os.environ["GENERATION"] = "2"
        warnings.simplefilter("ignore", User)
        second = await result(orchestrator, worlds)
        assert second["argv"] == sys.argv
        assert second["path"] == sys.path
        assert second["new"] == "2"
        assert second["filters"][0] == ("ignore", User)
        assert second["folder"] == folder

        sys.argv.pop()
        sys.path.pop()
        del os.environ["GENERATION"]
        third = await result(orchestrator, worlds)
        assert third["argv"] == first["argv"]
        assert third["path"] == first["path"]
        assert not third["is_there"]
        assert {one["pid"] for one in (first, second, third)} == {first["pid"]}


@pytest.mark.usefixtures("_same_world")
async def test_a_warm_worker_goes_to_the_folder_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        first = await result(orchestrator, worlds)
        monkeypatch.chdir(tmp_path)
        await result(orchestrator, leaves_the_folder)
        second = await result(orchestrator, worlds)

        assert second["folder"] == str(tmp_path)
        assert second["pid"] == first["pid"]


def leaves_the_folder(_: object) -> None:
    os.chdir("/")


def hour(_: object) -> int:
    return time.localtime(0).tm_hour


@pytest.mark.usefixtures("_same_world")
async def test_a_warm_worker_has_the_time_zone_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        monkeypatch.setenv("TZ", "UTC")
        assert await result(orchestrator, hour) == 0
        monkeypatch.setenv("TZ", "<+09>-9")
        assert await result(orchestrator, hour) == 9


def spoils(_: object) -> None:
    os.environ["GENERATION"] = "of a job"
    sys.argv.append("of a job")
    sys.path.append("of a job")
    warnings.simplefilter("error", User)


@pytest.mark.usefixtures("_same_world")
async def test_what_a_job_changes_of_variables_and_filters_is_put_right() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        os.environ["GENERATION"] = "1"
        before = await result(orchestrator, worlds)
        await result(orchestrator, spoils)
        after = await result(orchestrator, worlds)

    assert after["pid"] == before["pid"]
    assert after["new"] == "1"
    assert after["filters"] == before["filters"]


@pytest.mark.usefixtures("_same_world")
async def test_a_module_on_a_path_that_was_added_late(folder: Path) -> None:
    late = folder / "late"
    late.mkdir()
    edit(late, says("late"), "late_steps")
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        await result(orchestrator, abs)
        sys.path.insert(0, str(late))
        assert (await result(orchestrator, load("late_steps").step))[0] == "late"


ARGUMENTS = """
import sys, warnings
import anyio
from asyncflow import Config, Orchestrator
source = Config.configure_data_node("source", default_data=1)
out = Config.configure_data_node("out")
def job(x):
    return sys.argv, warnings.filters == FILTERS
FILTERS = [*warnings.filters]
cfg = Config.configure_scenario("s", Config.configure_task("t", job, source, out))
Config.configure_job_executions("standalone", 1)
async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        print(await scenario.out.read() == (sys.argv, True))
anyio.run(main)
"""


def test_a_program_is_started_with_arguments(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ARGUMENTS)
    assert run(script, "--fast", folder=tmp_path) == "True\n"
