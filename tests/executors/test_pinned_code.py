"""A run has the user's modules as they were when it was submitted."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest
from anyio import fail_after, to_thread

from asyncflow import Configuration, Orchestrator, ScenarioConfig, Status, Submission
from tests.support.flows import configuration, single
from tests.support.programs import run

pytestmark = pytest.mark.anyio

HOW = "HOW = {0!r}\n"
STEPS = """
import os
from own_package.own_help import HOW

SAID = {0!r}

def waits(gate):
    os.close(os.open(gate, os.O_RDONLY))
    return SAID, HOW

def says(before):
    return SAID, HOW

def dies(gate):
    if os.path.exists(gate):
        os.close(os.open(gate, os.O_RDONLY))
        os.unlink(gate)
        os.kill(os.getpid(), 9)

    return SAID, HOW

def asks(gate):
    import own_late
    os.close(os.open(gate, os.O_RDONLY))
    return own_late.SAID, own_late.HOW

def asks_too(before):
    import own_late
    return own_late.SAID, own_late.HOW
"""
LATE = "SAID = {0!r}\nHOW = {0!r}\n"
ONE, TWO = ("one", "one"), ("another", "another")


class Files:
    """The user's modules in a folder: some that the program has loaded, and one not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = folder / "gate"
        (folder / "own_package").mkdir()
        os.mkfifo(self.gate)
        self.edit("one")
        self.steps: ModuleType = importlib.import_module("own_package.own_steps")

    def edit(self, what: str) -> None:
        """Have all of them say something else."""
        package = self.folder / "own_package"
        (package / "__init__.py").write_text("")
        (package / "own_steps.py").write_text(STEPS.format(what))
        (package / "own_help.py").write_text(HOW.format(what))
        (self.folder / "own_late.py").write_text(LATE.format(what))
        importlib.invalidate_caches()

    def spoil(self) -> None:
        for path in self.folder.rglob("*.py"):
            path.write_text("def broken(:\n")

    async def open_gate(self, gate: Path | None = None) -> None:
        """Wait until a job waits at the gate, and let it go on."""
        file = await to_thread.run_sync(
            os.open, gate or self.gate, os.O_WRONLY, abandon_on_cancel=True
        )
        os.close(file)

    def declare(
        self, config: Configuration, first: str = "waits", then: str = "says"
    ) -> ScenarioConfig:
        """Declare a task, and three others that run beside each other after it."""
        gate = config.configure_data_node("gate", default_data=str(self.gate))
        early = config.configure_data_node("early")
        function: Callable[..., object] = getattr(self.steps, first)
        tasks = [config.configure_task("first", function, gate, early)]

        for name in ("a", "b", "c"):
            late = config.configure_data_node(name)
            function = getattr(self.steps, then)
            tasks.append(config.configure_task(f"then_{name}", function, early, late))

        return config.configure_scenario("all", tasks)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Files(tmp_path)

    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@asynccontextmanager
async def opened(config: Configuration) -> AsyncIterator[Orchestrator]:
    with fail_after(50):
        async with Orchestrator(config, ":memory:") as orchestrator:
            yield orchestrator


async def results(submission: Submission) -> set[object]:
    await submission
    return {await submission.read(name) for name in ("early", "a", "b", "c")}


@pytest.mark.parametrize("how", ["edit", "reload", "spoil"])
async def test_what_is_edited_concerns_later_runs(files: Files, how: str) -> None:
    config = configuration(workers=2)
    cfg = files.declare(config)

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        before = scenario.submit()
        await files.open_gate()
        assert await results(before) == {ONE}

        running = scenario.submit()
        files.edit("another")

        if how == "spoil":
            files.spoil()

        if how == "reload":
            importlib.reload(sys.modules["own_package.own_help"])
            importlib.reload(files.steps)

        await files.open_gate()
        assert await results(running) == {ONE}
        files.edit("another")
        later = scenario.submit()
        await files.open_gate()
        assert await results(later) == {TWO}


async def test_runs_beside_each_other_have_what_each_was_submitted_with(
    files: Files,
) -> None:
    config = configuration(workers=2)
    cfg = files.declare(config)

    async with opened(config) as orchestrator:
        first = (await orchestrator.create_scenario(cfg)).submit()
        second = await orchestrator.create_scenario(cfg)
        gate = files.folder / "another_gate"
        os.mkfifo(gate)
        await second.gate.write(str(gate))
        files.edit("another")
        later = second.submit()
        await files.open_gate()
        await files.open_gate(gate)
        assert await results(first) == {ONE}
        assert await results(later) == {TWO}


async def test_an_edit_between_two_submits_of_one_turn(files: Files) -> None:
    config = configuration(workers=2)
    (files.folder / "gate").unlink()
    cfg = files.declare(config, "dies")

    async with opened(config) as orchestrator:
        scenarios = [await orchestrator.create_scenario(cfg) for _ in range(4)]

        for scenario in scenarios:
            await scenario.submit()

        before = [scenario.submit() for scenario in scenarios[:2]]
        files.edit("another")
        after = [scenario.submit() for scenario in scenarios[2:]]
        assert [await results(run) for run in before] == [{ONE}] * 2
        assert [await results(run) for run in after] == [{TWO}] * 2


async def test_a_worker_that_replaces_one_has_what_the_run_has(files: Files) -> None:
    config = configuration(workers=1)
    cfg = files.declare(config, "dies")

    async with opened(config) as orchestrator:
        running = (await orchestrator.create_scenario(cfg)).submit()
        await running.accepted()
        files.edit("another")
        await files.open_gate()
        assert await results(running) == {ONE}


async def test_what_only_jobs_import_is_one_for_a_run(files: Files) -> None:
    config = configuration(workers=2)
    cfg = files.declare(config, "asks", "asks_too")

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        running = scenario.submit()
        await files.open_gate()
        files.edit("another")
        assert await results(running) == {ONE}
        later = scenario.submit()
        await files.open_gate()
        assert await results(later) == {TWO}


async def test_an_edit_of_the_same_size_in_the_same_second_counts(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    config = configuration(workers=1)
    cfg = single(config, files.steps.says)

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for what in ("one", "two", "six"):
            files.edit(what)
            await scenario.submit()
            assert await scenario.result.read() == (what, what)


async def test_a_broken_file_fails_the_runs_that_are_submitted_then(
    files: Files,
) -> None:
    config = configuration(workers=1)
    cfg = single(config, files.steps.says)

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        files.spoil()
        failed = await scenario.submit().wait()
        (job,) = failed.jobs
        assert job.status is Status.FAILED
        assert "SyntaxError" in job.reason
        files.edit("another")
        await scenario.submit()
        assert await scenario.result.read() == TWO


@pytest.mark.parametrize("reloads", [False, True])
async def test_a_skippable_task_follows_the_files(files: Files, reloads: bool) -> None:
    config = configuration(workers=1)
    cfg = single(config, files.steps.says, skippable=True)

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for what in ("one", "another", "one", "six"):
            files.edit(what)

            if reloads:
                importlib.reload(sys.modules["own_package.own_help"])
                importlib.reload(files.steps)

            (planned,) = scenario.plan()
            run = await scenario.submit()
            assert planned.runs
            assert run.jobs[0].status is Status.COMPLETED
            assert await scenario.result.read() == (what, what)
            again = await scenario.submit()
            assert again.jobs[0].status is Status.SKIPPED


@pytest.mark.parametrize("writes_none", [True, False])
async def test_a_helper_alone_makes_a_skippable_task_run(
    files: Files, monkeypatch: pytest.MonkeyPatch, writes_none: bool
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", writes_none)
    importlib.reload(sys.modules["own_package.own_help"])
    importlib.reload(files.steps)  # whose byte code says from what it was made
    config = configuration(workers=1)
    cfg = single(config, files.steps.says, skippable=True)

    async with opened(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        help_file = files.folder / "own_package" / "own_help.py"
        help_file.write_text(HOW.format("another"))
        run = await scenario.submit()
        assert run.jobs[0].status is Status.COMPLETED
        assert await scenario.result.read() == ("one", "another")


STARTS = """
import pathlib, sys
import anyio
from asyncflow import Config, Orchestrator
import own_steps

source = Config.configure_data_node("x", default_data=1)
out = Config.configure_data_node("y")
task = Config.configure_task("t", own_steps.says, source, out, skippable=True)
cfg = Config.configure_scenario("s", task)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

if len(sys.argv) > 1:
    pathlib.Path(own_steps.__file__).write_text(sys.argv[1])

async def main():
    async with Orchestrator() as orchestrator:
        found = await orchestrator.scenarios()
        if found:
            scenario = await orchestrator.get_scenario(found[0].id)
        else:
            scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()
        print(run.jobs[0].status, await scenario.y.read())

anyio.run(main)
"""


@pytest.mark.limit(120)
def test_a_file_that_was_edited_before_the_first_submit(tmp_path: Path) -> None:
    text = "def says(x):\n    return {!r}\n"
    (tmp_path / "own_steps.py").write_text(text.format("one"))
    (tmp_path / "script.py").write_text(STARTS)
    assert run("script.py", folder=tmp_path) == "COMPLETED one\n"
    assert run("script.py", folder=tmp_path) == "SKIPPED one\n"
    found = run("script.py", text.format("two"), folder=tmp_path)
    assert found == "COMPLETED two\n"
    assert run("script.py", folder=tmp_path).endswith(" two\n")
    assert run("script.py", folder=tmp_path) == "SKIPPED two\n"
