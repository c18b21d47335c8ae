"""A run reads its sources as they were when it was submitted."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import (
    Configuration,
    NoData,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    Submission,
    SubmissionFailed,
    UsageError,
)
from asyncflow.entities.data_node import node_of
from tests.programs.pins_program import SIZE, declare
from tests.support import flows, programs

pytestmark = pytest.mark.anyio


class Gate:
    """Holds jobs up."""

    def __init__(self) -> None:
        self.is_open = threading.Event()

    def wait(self, _: object) -> int:
        assert self.is_open.wait(20)
        return 1


def gated(
    config: Configuration,
    gate: Gate,
    scope: Scope = Scope.SCENARIO,
    *,
    skippable: bool = False,
    keep: int = 0,
    default: str = "a" * SIZE,
) -> ScenarioConfig:
    """Declare a task that reads ``source`` after one that a gate holds up."""
    begin = config.configure_data_node("begin", default_data=0)
    source = config.configure_data_node(
        "source", scope=scope, default_data=default, keep_versions=keep
    )
    gone = config.configure_data_node("gone")
    result = config.configure_data_node("result", keep_versions=9)
    tasks = [
        config.configure_task("wait", gate.wait, begin, gone, executor="thread"),
        config.configure_task(
            "join", joined, [source, gone], result, skippable, executor="thread"
        ),
    ]
    return config.configure_scenario("flow", tasks)


def joined(text: str, _: int) -> str:
    return text[:1]


@pytest.mark.smoke
async def test_a_sweep_has_a_result_for_each_value(
    config: Configuration, path: str
) -> None:
    a = config.configure_data_node("a", default_data=0)
    b = config.configure_data_node("b", keep_versions=9)
    task = config.configure_task("t", flows.double, a, b)
    cfg = config.configure_scenario("sweep", task)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = []

        for value in range(1, 5):
            await scenario.a.write(value)
            runs.append(scenario.submit())

        assert [await (await run).read("b") for run in runs] == [2, 4, 6, 8]
        edits = await scenario.b.edits()
        values = [await scenario.b.read(version=edit.version) for edit in edits]
        assert values == [2, 4, 6, 8]


async def test_what_is_pinned_goes_with_the_run(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    gate = Gate()

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(gated(config, gate))
        first = scenario.submit()
        await scenario.source.write("b" * SIZE)
        second = scenario.submit()
        await scenario.source.write("c" * SIZE)
        await scenario.source.write("d" * SIZE)
        assert await scenario.source.read() == "d" * SIZE
        gate.is_open.set()
        await first
        await second
        assert [await one.read("result") for one in (first, second)] == ["a", "b"]
        last = await scenario.submit()
        assert await last.read("result") == "d"

    folder = tmp_path / "runs.values"
    assert len([one for one in folder.iterdir() if one.suffix == ".value"]) == 1


async def test_what_a_run_submitted_earlier_is_to_write_is_read(
    config: Configuration, path: str
) -> None:
    gate = Gate()
    begin = config.configure_data_node("begin", default_data=0)
    middle = config.configure_data_node("middle", default_data=50)
    result = config.configure_data_node("result")
    one = config.configure_task("one", gate.wait, begin, middle, executor="thread")
    two = config.configure_task("two", flows.double, middle, result, executor="thread")
    cfg = config.configure_scenario("flow", [one, two])

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        before = scenario.tasks["two"].submit()
        writer = scenario.tasks["one"].submit()
        reader = scenario.tasks["two"].submit()
        await scenario.middle.write(70)
        gate.is_open.set()
        await before
        await writer
        await reader
        assert await reader.read("result") == 2
        records = await scenario.result.edits()
        assert await scenario.result.read(version=records[0].version) == 100


async def test_a_shared_node_that_another_orchestrator_writes(
    config: Configuration, path: str
) -> None:
    gate = Gate()
    cfg = gated(config, gate, Scope.GLOBAL, default="a")

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        mine = await one.create_scenario(cfg)
        theirs = await other.create_scenario(cfg)
        run = mine.submit()

        with fail_after(20):
            await flows.until_started(run)

        await theirs.source.write("b")
        assert await mine.source.read() == "b"
        gate.is_open.set()
        await run
        assert await run.read("result") == "a"


@pytest.mark.parametrize("size", [1, SIZE])
async def test_another_writes_to_a_scenario_of_which_a_run_is_under_way(
    config: Configuration, path: str, size: int
) -> None:
    gate = Gate()
    cfg = gated(config, gate, default="a" * size)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        mine = await one.create_scenario(cfg)
        theirs = await other.get_scenario(mine.id)
        await theirs.source.write("b" * size)
        run = mine.submit()

        with fail_after(20):
            await flows.until_started(run)

        for text in "cd":
            await theirs.source.write(text * size)

        assert await mine.source.read() == "d" * size
        assert len(await one.store.pinned(run.id)) == 1
        gate.is_open.set()
        await run
        assert await run.read("result") == "b"

    async with Orchestrator(config, path) as third:
        assert not await third.store.pinned_for_ended()
        assert len(await third.store.kept_names()) == (size == SIZE)


async def test_a_clock_that_is_ahead_holds_up_no_value(
    config: Configuration, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    cfg = gated(config, gate, default="a")

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        mine = await one.create_scenario(cfg)
        theirs = await other.get_scenario(mine.id)
        later = time.time_ns() + 60 * 10**9

        with monkeypatch.context() as patch:
            patch.setattr(time, "time_ns", lambda: later)
            await theirs.source.write("b")

        run = mine.submit()

        with fail_after(20):
            await flows.until_started(run)

        await theirs.source.write("c")
        gate.is_open.set()
        await run
        assert await run.read("result") == "b"


@pytest.mark.parametrize("keep", [0, 1])
async def test_others_drop_nothing_that_is_pinned(
    config: Configuration, path: str, keep: int
) -> None:
    gate = Gate()
    cfg = gated(config, gate, Scope.GLOBAL, keep=keep)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        mine = await one.create_scenario(cfg)
        theirs = await other.create_scenario(cfg)
        run = mine.submit()

        with fail_after(20):
            await flows.until_started(run)

        await mine.source.write("b" * SIZE)

        for text in "cde":
            await theirs.source.write(text * SIZE)

        assert await mine.source.read() == "e" * SIZE
        gate.is_open.set()
        await run
        assert await run.read("result") == "a"


async def test_a_skippable_task_compares_what_its_run_reads(
    config: Configuration, path: str
) -> None:
    gate = Gate()

    async with Orchestrator(config, path) as orchestrator:
        cfg = gated(config, gate, skippable=True)
        scenario = await orchestrator.create_scenario(cfg)
        first = scenario.submit()
        await scenario.source.write("b" * SIZE)
        second = scenario.submit()
        gate.is_open.set()
        await first
        await second
        assert [await one.read("result") for one in (first, second)] == ["a", "b"]
        assert "join" not in {
            job.task.config_id for job in second.jobs if job.status == "SKIPPED"
        }


async def test_what_a_run_has_not_written(config: Configuration, path: str) -> None:
    source = config.configure_data_node("source", default_data=0)
    result = config.configure_data_node("result")
    task = config.configure_task("work", flows.fail, source, result)
    cfg = config.configure_scenario("flow", task)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = scenario.submit()

        with pytest.raises(SubmissionFailed):
            await run

        with pytest.raises(NoData, match=r"JOB_work_.* is FAILED"):
            await run.read("result")

        with pytest.raises(UsageError, match="its outputs are result"):
            await run.read("strange")

        assert await run.read("source") == 0


async def test_what_is_kept_for_a_run_alone_is_not_told_to_be_readable(
    config: Configuration, path: str
) -> None:
    gate = Gate()
    cfg = gated(config, gate, Scope.GLOBAL)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        mine = await one.create_scenario(cfg)
        theirs = await other.create_scenario(cfg)
        run = mine.submit()

        with fail_after(20):
            await flows.until_started(run)

        await mine.source.write("b" * SIZE)
        await mine.source.write("c" * SIZE)

        for scenario in (mine, theirs):
            edits = await scenario.source.edits()
            assert [edit.is_kept for edit in edits] == [False, False, True]

        gate.is_open.set()
        await run
        assert await run.read("result") == "a"


@pytest.mark.limit(120)
@pytest.mark.parametrize("writes_again", [False, True])
async def test_who_takes_a_run_over_reads_what_it_was_submitted_with(
    tmp_path: Path, *, writes_again: bool
) -> None:
    def killed() -> str:
        return programs.killed("tests.programs.pins_program", tmp_path, folder=tmp_path)

    submission_id = await to_thread.run_sync(killed)
    config, _ = declare(tmp_path)
    last = "d" if writes_again else "c"

    if writes_again:  # what is current by then is not what the run is to read
        async with Orchestrator(config, tmp_path / "runs.db", adopt=False) as other:
            theirs = (await other.get_submission(submission_id)).entity
            assert isinstance(theirs, Scenario)
            await theirs.source.write(last * SIZE)

    (tmp_path / "go").touch()

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        run = await orchestrator.get(submission_id)
        assert isinstance(run, Submission)
        await run
        assert await run.read("result") == "a"
        scenario = run.entity
        assert isinstance(scenario, Scenario)
        assert await scenario.source.read() == last * SIZE

    folder = tmp_path / "runs.values"
    assert len([one for one in folder.iterdir() if one.suffix == ".value"]) == 1


@pytest.mark.limit(120)
@pytest.mark.parametrize("scope", [Scope.SCENARIO, Scope.GLOBAL])
async def test_a_third_reads_what_another_has_replaced_since(
    tmp_path: Path, scope: Scope
) -> None:
    path = tmp_path / "runs.db"
    config, _ = declare(tmp_path, scope)

    def killed() -> str:
        module = "tests.programs.pins_program"
        return programs.killed(module, tmp_path, scope.value, folder=tmp_path)

    async with Orchestrator(config, path, adopt=False) as other:
        submission_id = await to_thread.run_sync(killed)
        theirs = (await other.get_submission(submission_id)).entity
        assert isinstance(theirs, Scenario)

        for text in "bcd":
            await theirs.source.write(text * SIZE)

        edits = await theirs.source.edits()
        assert [edit.is_kept for edit in edits] == [False] * 3 + [True]

    (tmp_path / "go").touch()

    async with Orchestrator(config, path) as third:
        run = await third.get_submission(submission_id)
        await run
        assert await run.read("result") == "a"
        assert not await third.store.pinned(submission_id)

    folder = tmp_path / "runs.values"
    assert len([one for one in folder.iterdir() if one.suffix == ".value"]) == 1


@pytest.mark.parametrize("keep", [0, 2])
async def test_who_was_alone_pins_when_another_comes(
    config: Configuration, path: str, keep: int
) -> None:
    gate = Gate()
    cfg = gated(config, gate, Scope.GLOBAL, keep=keep)

    async with Orchestrator(config, path) as one:
        mine = await one.create_scenario(cfg)
        first = mine.submit()

        with fail_after(20):
            await flows.until_started(first)

        await mine.source.write("b" * SIZE)
        second = mine.submit()
        numbers = [edit.version for edit in await mine.source.edits()]

        async with Orchestrator(config, path) as other:
            for run, number in zip((first, second), numbers, strict=True):
                assert await other.store.pinned(run.id) == {(mine.source.id, number)}

            theirs = await other.create_scenario(cfg)

            for text in "cdef":
                await theirs.source.write(text * SIZE)

            gate.is_open.set()
            await first
            await second
            assert [await run.read("result") for run in (first, second)] == ["a", "b"]
            assert await theirs.source.read() == "f" * SIZE

        assert await one.store.pinned_for_ended() == []


async def test_what_another_run_is_to_write_is_not_pinned(
    config: Configuration, path: str
) -> None:
    gate = Gate()
    begin = config.configure_data_node("begin", default_data=0)
    middle = config.configure_data_node("middle", scope=Scope.GLOBAL, default_data=50)
    result = config.configure_data_node("result")
    one = config.configure_task("one", gate.wait, begin, middle, executor="thread")
    two = config.configure_task("two", flows.double, middle, result, executor="thread")
    cfg = config.configure_scenario("flow", [one, two])

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        writer = scenario.tasks["one"].submit()
        reader = scenario.tasks["two"].submit()

        async with Orchestrator(config, path):
            another = scenario.tasks["two"].submit()

            for run in (reader, another):
                assert await orchestrator.store.pinned(run.id) == set()

            gate.is_open.set()

            for run in (writer, reader, another):
                await run

            assert await another.read("result") == 2


@pytest.mark.limit(120)
async def test_a_third_reads_what_was_pinned_when_another_came(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    config, cfg = declare(tmp_path, Scope.GLOBAL)
    said, is_time = threading.Event(), threading.Event()
    ids: list[str] = []

    def killed() -> None:
        def wait() -> bool:
            said.set()
            return is_time.wait(50)

        module = "tests.programs.pins_program"
        ids.append(
            programs.killed(module, tmp_path, "GLOBAL", folder=tmp_path, is_time=wait)
        )

    async with create_task_group() as group:
        group.start_soon(to_thread.run_sync, killed)
        assert await to_thread.run_sync(said.wait, 50)

        async with Orchestrator(config, path, adopt=False) as other:
            theirs = await other.create_scenario(cfg)

            for text in "bcd":
                await theirs.source.write(text * SIZE)

        is_time.set()

    (tmp_path / "go").touch()

    async with Orchestrator(config, path) as third:
        run = await third.get_submission(ids[0])
        await run
        assert await run.read("result") == "a"


@pytest.mark.limit(120)
async def test_who_dies_between_the_end_of_a_run_and_its_unpinning(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    config, cfg = declare(tmp_path, Scope.GLOBAL)
    (tmp_path / "go").touch()

    async with Orchestrator(config, path, adopt=False) as other:
        theirs = await other.create_scenario(cfg)

        def dies() -> str:
            module = "tests.programs.pins_program"
            return programs.killed(
                module, tmp_path, "GLOBAL", "dies", folder=tmp_path, at_once=False
            )

        submission_id = await to_thread.run_sync(dies)
        assert await other.store.pinned_for_ended() == [submission_id]
        await theirs.source.write("b" * SIZE)

    async with Orchestrator(config, path) as third:
        assert await third.store.pinned_for_ended() == []
        run = await third.get_submission(submission_id)
        assert await run.read("result") == "a"

    folder = tmp_path / "runs.values"
    assert len([one for one in folder.iterdir() if one.suffix == ".value"]) == 1


async def test_who_is_alone_tells_the_store_no_pins(
    config: Configuration, path: str
) -> None:
    gate = Gate()
    cfg = gated(config, gate, Scope.GLOBAL)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = scenario.submit()
        assert await orchestrator.store.pinned(run.id) == set()

        async with Orchestrator(config, path):
            second = scenario.submit()
            assert len(await orchestrator.store.pinned(second.id)) == 1

        gate.is_open.set()
        await run
        await second


async def test_what_is_written_after_a_submit_has_a_later_number(
    config: Configuration, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes a run over goes by the numbers, whatever clocks do meanwhile."""
    gate = Gate()

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(gated(config, gate))
        submission = scenario.submit()
        (first,) = await scenario.source.edits()

        with monkeypatch.context() as context:
            context.setattr(time, "time_ns", lambda: first.version + 1)
            await scenario.source.write("b" * SIZE)

        _, second = await scenario.source.edits()
        assert second.version > submission.submitted_at.timestamp() * 1e9
        gate.is_open.set()
        await submission
        assert await submission.read("result") == "a"


async def test_what_runs_are_to_read_stays_until_all_are_taken_over(
    config: Configuration, path: str
) -> None:
    """The first of them may have ended before the last is looked at."""
    gate = Gate()

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(gated(config, gate))
        runs = [scenario.submit(), scenario.submit()]
        await scenario.source.write("b" * SIZE)
        engine = orchestrator._session.opened()
        own = [engine.scheduler.runs[number] for number in (1, 2)]

        async def kept() -> int:
            records = await engine.store.versions(node_ids=[scenario.source.id])
            return sum(record.kept is not None for record in records)

        async with engine.scheduler.pins.holding(own):
            for run in own:
                engine.scheduler.pins._release(run)
                await engine.store.unpin(run.id)

            assert await kept() == 2

        assert await kept() == 1
        gate.is_open.set()

        for submission in runs:
            await submission


async def test_a_submit_is_later_than_what_it_reads_where_a_clock_has_gone_back(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes the run over goes by that."""
    source = orchestrator.config.configure_data_node("source", default_data=1)
    task = orchestrator.config.configure_task("double", flows.double, source)
    cfg = orchestrator.config.configure_scenario("flow", task)
    scenario = await orchestrator.create_scenario(cfg)
    version = node_of(scenario.source).version
    assert version is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    submission = scenario.submit()
    monkeypatch.undo()
    assert submission.submitted_at.timestamp() * 1e9 > version.number
    await submission
