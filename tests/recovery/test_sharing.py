"""Several orchestrators on one store: each has its runs, and sees those of others."""

from __future__ import annotations

import gc
import importlib
import sys
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    Configuration,
    DataNode,
    Job,
    JobFinished,
    JobPending,
    JobStarted,
    NotDeclared,
    NotFound,
    Orchestrator,
    Scenario,
    Scope,
    Sequence,
    Submission,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionFinished,
    SubmissionStarted,
    SubmissionStatus,
    Task,
    UsageError,
)
from tests.support import flows
from tests.support.flows import chain, configuration, seen_by, single, statuses

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def one(config: Configuration, file: Path) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config, file) as orchestrator:
        yield orchestrator


@pytest.fixture
async def other(config: Configuration, file: Path) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config, file) as orchestrator:
        yield orchestrator


# ------------------------------------------------------------------ the runs of others


@pytest.mark.smoke
async def test_a_run_of_another_is_awaited(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(path))
    scenario = await one.create_scenario(cfg)
    submission = await scenario.submit().accepted()
    seen = await seen_by(other, submission)
    assert not seen.is_finished
    assert not (await seen.wait(timeout=0)).is_finished
    path.touch()

    with fail_after(20):
        await seen

    assert seen.status is SubmissionStatus.COMPLETED
    assert statuses(seen.jobs) == ["COMPLETED"]
    assert isinstance(seen.entity, Scenario)
    assert await seen.entity.result.read() == await scenario.result.read()
    events = [type(event) async for event in seen]
    assert events == [
        SubmissionStarted,
        JobPending,
        JobStarted,
        JobFinished,
        SubmissionFinished,
    ]


async def test_a_failure_of_another_is_raised(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.fail))
    submission = await scenario.submit().wait()

    with pytest.raises(ExceptionGroup, match="ValueError: no 1") as caught:
        await (await seen_by(other, submission))

    cause = caught.value.exceptions[0].__cause__
    assert 'raise ValueError(f"no {value}")' in str(cause)


async def test_a_run_of_another_is_cancelled_by_its_owner(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.block))
    submission = await scenario.submit().accepted()
    seen = await seen_by(other, submission)
    seen.cancel("enough of it")

    with fail_after(20), pytest.raises(SubmissionCanceled, match="enough of it"):
        await seen

    with pytest.raises(SubmissionCanceled, match="enough of it"):
        await submission

    assert statuses(seen.jobs) == ["CANCELED"]


async def test_who_stops_watching_leaves_the_run_alone(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(path))
    submission = await (await one.create_scenario(cfg)).submit().accepted()
    seen = await seen_by(other, submission)

    async with create_task_group() as group:
        group.start_soon(seen.wait)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    path.touch()

    with fail_after(20):
        await submission


async def test_shared_values_of_another_are_seen(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    rate = config.configure_data_node("rate", scope=Scope.GLOBAL, default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task("double", flows.double, rate, result)
    cfg = config.configure_scenario("rated", task)
    mine, others = await one.create_scenario(cfg), await other.create_scenario(cfg)
    assert mine.rate.id == others.rate.id
    await mine.rate.write(20)
    assert await others.rate.read() == 20
    await mine.rate.write(21)
    await others.submit()  # reads what is there now
    assert await others.result.read() == 42


# -------------------------------------------------------------------- idempotency keys


async def test_one_key_is_one_run(one: Orchestrator, config: Configuration) -> None:
    scenario = await one.create_scenario(single(config, flows.double, 21))
    submission = scenario.submit(idempotency_key="k")
    assert scenario.submit(idempotency_key="k") is submission
    assert scenario.submit(idempotency_key="another") is not submission
    await submission
    assert scenario.submit(idempotency_key="k") is submission
    await one.drain()
    assert len(await one.submissions()) == 2


async def test_one_key_is_one_run_for_several_at_once(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(path))
    scenario = await one.create_scenario(cfg)
    same = await other.get(scenario.id)
    assert isinstance(same, Scenario)
    runs = [each.submit(idempotency_key="k") for each in (scenario, same)]

    for run in runs:
        await run.accepted()

    (record,) = await one.submissions()
    assert {run.id for run in runs} == {record.id}
    assert {run.entity_id for run in runs} == {record.entity_id}
    path.touch()

    with fail_after(20):
        for run in runs:
            await run

    assert len(await one.jobs()) == 1


async def test_a_key_of_a_run_that_has_ended(config: Configuration, file: Path) -> None:
    cfg = single(config, flows.double, 21)

    async with Orchestrator(config, file) as orchestrator:
        first = await orchestrator.create_scenario(cfg)
        await first.submit(idempotency_key="k")

    async with Orchestrator(config, file) as orchestrator:
        second = await orchestrator.get(first.id)
        assert isinstance(second, Scenario)
        submission = await second.submit(idempotency_key="k").accepted()
        assert submission.entity_id == first.id
        assert submission.status is SubmissionStatus.COMPLETED
        await submission
        assert len(await orchestrator.jobs()) == 1


@pytest.mark.parametrize("key", ["", 5])
async def test_wrong_keys_are_refused(
    one: Orchestrator, config: Configuration, key: object
) -> None:
    scenario = await one.create_scenario(single(config, flows.double))

    with pytest.raises(ValueError, match="idempotency_key"):
        scenario.submit(idempotency_key=key)  # type: ignore[arg-type]  # on purpose


# --------------------------------------------------------------- found again, and gone


async def test_everything_is_found_by_its_id(config: Configuration, file: Path) -> None:
    tasks = chain(config, flows.double, flows.double).task_configs
    config.configure_scenario("mine", tasks, sequences={"s": [tasks[0]]})

    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario("mine", name="mine", tag=["x"])
        submission = scenario.submit(note=(1, 2))
        await submission
        assert await orchestrator.get(scenario.id) is scenario
        ids = {
            Scenario: scenario.id,
            Sequence: scenario.s.id,
            Task: scenario.t1.id,
            DataNode: scenario.n2.id,
            Submission: submission.id,
            Job: submission.jobs[1].id,
        }

    async with Orchestrator(config, file) as orchestrator:
        for kind, identity in ids.items():
            found = await orchestrator.get(identity)
            assert isinstance(found, kind)
            assert found.id == identity

        again = await orchestrator.get(scenario.id)
        assert isinstance(again, Scenario)
        assert (again.name, again.properties) == ("mine", {"tag": ["x"]})
        assert again.creation_date == scenario.creation_date
        run = await orchestrator.get(submission.id)
        assert isinstance(run, Submission)
        assert run.properties == {"note": (1, 2)}
        assert run.finished_at == submission.finished_at
        await again.submit()

        for wrong in ("SCENARIO_x", "SUBMISSION_x", "JOB_x", "TASK_x", "x"):
            with pytest.raises(NotFound, match=wrong):
                await orchestrator.get(wrong)


async def test_what_is_not_declared_is_said(config: Configuration, file: Path) -> None:
    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))
        submission = await scenario.submit()

    async with Orchestrator(configuration(), file) as orchestrator:
        then = await orchestrator.get_scenario(scenario.id)
        run = await orchestrator.get_submission(submission.id)

        for entity in (then, then.tasks["work"], run.entity):
            with pytest.raises(NotDeclared, match="'single', which this program does"):
                entity.submit()

            with pytest.raises(NotDeclared, match="'single', which this program does"):
                entity.plan()

        with pytest.raises(UsageError, match="nothing is left to retry"):
            run.retry_failed()

        assert [one.id for one in await orchestrator.scenarios()] == [scenario.id]


def say_and_fail(value: int) -> int:
    print("said", value)
    raise ValueError(f"not {value}")


async def test_what_is_not_declared_can_be_read(
    config: Configuration, file: Path
) -> None:
    nodes = [
        config.configure_data_node("first", default_data=1),
        config.configure_data_node("middle"),
        config.configure_data_node("last"),
    ]
    tasks = [
        config.configure_task("double", flows.double, nodes[0], nodes[1]),
        config.configure_task("fails", say_and_fail, nodes[1], nodes[2]),
    ]
    cfg = config.configure_scenario("looked_at", tasks)

    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="mine", owner="ann")
        submission = await scenario.submit().wait()
        task_run = await scenario.double.submit()

    async with Orchestrator(configuration(), file) as orchestrator:
        run = await orchestrator.get_submission(submission.id)
        assert (run.status, run.entity_id) == (submission.status, scenario.id)
        assert [job.id for job in run.jobs] == [job.id for job in submission.jobs]
        assert [job.status for job in run.jobs] == ["COMPLETED", "FAILED"]
        assert run.finished_at == submission.finished_at
        failed = await orchestrator.get_job(submission.jobs[1].id)
        assert "said" in await failed.output()
        assert "say_and_fail" in failed.stacktrace

        with pytest.raises(SubmissionFailed, match="ValueError: not"):
            await run

        with pytest.raises(NotDeclared):
            run.retry_failed()

        then = await orchestrator.get_scenario(scenario.id)
        assert (then.name, then.properties) == ("mine", {"owner": "ann"})
        assert set(then.data_nodes) == {"first", "middle", "last"}
        assert await then.middle.read() == 2
        assert await orchestrator.get(scenario.middle.id) is then.middle
        again = await orchestrator.get_submission(task_run.id)
        assert again.entity_id == task_run.entity_id
        assert [job.id for job in again.jobs] == [job.id for job in task_run.jobs]

        for wrong in (scenario.id, "JOB_x", "x"):
            with pytest.raises(NotFound, match=wrong):
                await orchestrator.get_job(wrong)


async def test_what_is_declared_later_can_run(
    config: Configuration, file: Path
) -> None:
    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))

    late = configuration()

    async with Orchestrator(late, file) as orchestrator:
        assert not (await orchestrator.get_scenario(scenario.id)).tasks
        single(late, flows.double)
        await (await orchestrator.get_scenario(scenario.id)).submit()


async def test_a_run_of_tasks_that_have_changed_since(
    config: Configuration, file: Path
) -> None:
    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(
            chain(config, flows.double, flows.double)
        )
        submission = await scenario.submit()

    async with Orchestrator(later := configuration(), file) as orchestrator:
        chain(later, flows.double)
        seen = await seen_by(orchestrator, submission)
        assert [job.task.config_id for job in seen.jobs] == ["t0", "t1"]
        assert seen.status is SubmissionStatus.COMPLETED


async def test_lists_and_pages(config: Configuration, file: Path) -> None:
    async with Orchestrator(config, file) as orchestrator:
        cfg = single(config, flows.double)
        scenarios = [
            await orchestrator.create_scenario(cfg, name=f"s{index % 2}")
            for index in range(6)
        ]

        for scenario in scenarios:
            await scenario.submit()

        first, second, *_ = scenarios
        found = await orchestrator.scenarios(name="s0", newest_first=True, limit=2)
        assert [one.id for one in found] == [scenarios[4].id, scenarios[2].id]
        found = await orchestrator.scenarios(created_from=second.creation_date, limit=1)
        assert [one.id for one in found] == [second.id]
        found = await orchestrator.scenarios(created_to=second.creation_date)
        assert [one.id for one in found] == [first.id]
        assert len(await orchestrator.scenarios(config_id="single", offset=5)) == 1
        assert await orchestrator.scenarios(config_id="x") == []
        (run,) = await orchestrator.submissions(scenario_id=first.id)
        assert run.status == "COMPLETED"
        assert await orchestrator.submissions(is_finished=False) == []
        (job,) = await orchestrator.jobs(submission_id=run.id)
        assert job.task_id == first.work.id
        assert len(await orchestrator.jobs(task_id=first.work.id)) == 1
        assert len(await orchestrator.jobs(status="COMPLETED", limit=4)) == 4


async def test_a_deleted_scenario_is_gone_with_its_own(
    config: Configuration, file: Path
) -> None:
    async with Orchestrator(config, file) as orchestrator:
        cfg = single(config, flows.identity, b"x" * 200_000, storage_type="pickle")
        gone = await orchestrator.create_scenario(cfg)
        kept = await orchestrator.create_scenario(cfg)
        submission = await gone.submit()
        await kept.submit()
        values = file.with_suffix(".values")
        assert len(list(values.glob("*.value"))) == 4
        await orchestrator.delete(gone.id)
        assert len(list(values.glob("*.value"))) == 2
        assert await kept.result.read() == b"x" * 200_000
        assert [one.id for one in await orchestrator.scenarios()] == [kept.id]
        assert len(await orchestrator.submissions()) == 1

        for identity in (gone.id, gone.result.id, gone.work.id, submission.id):
            with pytest.raises(NotFound):
                await orchestrator.get(identity)

        with pytest.raises(NotFound):
            await orchestrator.delete(gone.id)


async def test_a_submission_is_deleted_with_its_jobs(
    one: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.double))
    submission = await scenario.submit()
    await one.delete(submission.id)
    assert await one.submissions() == []
    assert await one.jobs() == []
    assert await scenario.result.read() == 2

    with pytest.raises(UsageError, match="cannot be deleted by itself"):
        await one.delete(scenario.result.id)


async def test_what_runs_is_not_deleted(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.block))
    submission = await scenario.submit().accepted()

    for orchestrator in (one, other):
        for identity in (scenario.id, submission.id):
            with pytest.raises(UsageError, match="has not ended: cancel it"):
                await orchestrator.delete(identity)

    submission.cancel()
    await submission.wait()
    await one.delete(scenario.id)


# --------------------------------------------------------------------------- in memory


async def test_what_has_ended_leaves_memory(
    one: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.double))
    submission = await scenario.submit()
    identity = submission.id
    left: list[weakref.ref[object]] = [weakref.ref(submission), weakref.ref(scenario)]
    del scenario, submission
    gc.collect()
    assert all(ref() is None for ref in left)
    found = await one.get(identity)
    assert isinstance(found, Submission)
    assert found.status is SubmissionStatus.COMPLETED


@pytest.mark.blocking_jobs  # a log record is written where the handle is collected
async def test_a_failure_that_nobody_has_seen_is_logged(
    one: Orchestrator, config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    scenario = await one.create_scenario(single(config, flows.fail))
    scenario.submit()
    await one.drain()
    gc.collect()
    assert "nobody awaited a run that failed" in caplog.text
    caplog.clear()
    submission = await scenario.submit().wait()
    del submission
    gc.collect()
    assert not caplog.records


# ------------------------------------------------------------------------------- locks


async def test_a_locked_data_node_is_locked_for_all(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(single(config, flows.double))
    seen = await other.get(scenario.source.id)
    assert isinstance(seen, DataNode)
    await scenario.source.lock_edit("ann")
    assert scenario.source.edit_in_progress

    with pytest.raises(Exception, match="locked by 'ann'"):
        await seen.write(2, editor_id="bob")

    with pytest.raises(Exception, match="locked by 'ann'"):
        await seen.lock_edit("bob")

    await seen.unlock_edit()
    await scenario.source.write(3, editor_id="bob", comment="by hand")
    last = (await seen.edits())[-1]
    assert (last.editor_id, last.comment) == ("bob", "by hand")


async def test_names_that_look_like_ids_are_found(
    config: Configuration, file: Path
) -> None:
    node = config.configure_data_node("a_SCENARIO_b", default_data=1)
    task = config.configure_task("x_SCENARIO_y", flows.double, node)
    cfg = config.configure_scenario("s", task, sequences={"p_SCENARIO_q": [task]})

    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        parts = (*scenario.tasks.values(), *scenario.sequences.values())

        for part in parts:
            assert await orchestrator.get(part.id) is part

        for run in [await part.submit() for part in parts]:
            assert await orchestrator.get_job(run.jobs[0].id) is run.jobs[0]

    async with Orchestrator(config, file) as orchestrator:
        for part in parts:
            assert (await orchestrator.get(part.id)).id == part.id


async def test_a_value_of_a_class_that_is_not_here_names_node_and_module(
    config: Configuration, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone_module.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    thing = importlib.import_module("gone_module").Thing()
    cfg = flows.single(config, flows.double, storage_type="pickle")

    async with Orchestrator(config, file) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.result.write(thing)

    monkeypatch.undo()
    del sys.modules["gone_module"]

    async with Orchestrator(configuration(), file) as orchestrator:
        found = await orchestrator.get_scenario(scenario.id)
        why = "data node 'result' cannot be loaded: No module named 'gone_module'"

        with pytest.raises(ModuleNotFoundError, match=why):
            await found.result.read()
