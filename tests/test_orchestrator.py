"""Opening, sharing and leaving an orchestrator."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import attrs
import pytest
import pytest_asyncio
from anyio import create_task_group, fail_after, to_process, to_thread

from asyncflow import (
    ConfigError,
    Configuration,
    NoData,
    NotOpen,
    NotPicklable,
    Orchestrator,
    Scenario,
    Status,
    StoreFailed,
    SubmissionFailed,
    SubmissionStatus,
    UnsupportedLoop,
    UsageError,
    as_completed,
)
from asyncflow.entities.submittable import nodes_of
from asyncflow.records import JobRecord, Record, SubmissionRecord
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore
from tests.entities.test_submission import gone, started
from tests.support import flows
from tests.support.flows import chain, configuration, fan, single, statuses


@pytest_asyncio.fixture
async def entered_in_a_fixture() -> AsyncIterator[Scenario]:
    """Is entered in one task and left in another, as pytest-asyncio does it."""
    config = configuration()
    cfg = single(config, flows.double, 21)

    async with Orchestrator(config) as orchestrator:
        yield await orchestrator.create_scenario(cfg)


@pytest.mark.smoke
@pytest.mark.asyncio
async def test_in_a_fixture_of_pytest_asyncio(
    entered_in_a_fixture: Scenario,
) -> None:
    await entered_in_a_fixture.submit()
    assert await entered_in_a_fixture.result.read() == 42


@pytest.mark.anyio
async def test_entered_and_left_in_different_tasks() -> None:
    config = configuration()
    cfg = single(config, flows.double, 21)
    orchestrator = Orchestrator(config)

    async with create_task_group() as group:
        group.start_soon(orchestrator.__aenter__)

    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()

    async with create_task_group() as group:
        group.start_soon(orchestrator.__aexit__, None, None, None)

    assert not orchestrator.is_open


@pytest.mark.anyio
async def test_its_repr_says_what_it_works_with(tmp_path: Path) -> None:
    orchestrator = Orchestrator(configuration(), tmp_path / "runs.db")
    begin = f"Orchestrator(store={SqliteStore(str(tmp_path / 'runs.db'))!r}, "
    assert repr(orchestrator) == f"{begin}mode='standalone', is_open=False)"

    async with orchestrator:
        assert repr(orchestrator) == f"{begin}mode='standalone', is_open=True)"

    in_memory = Orchestrator(configuration("development"), ":memory:")
    expected = "Orchestrator(store=MemoryStore(), mode='development', is_open=False)"
    assert repr(in_memory) == expected


def test_its_repr_has_no_password() -> None:
    pytest.importorskip("psycopg")
    orchestrator = Orchestrator(configuration(), "postgresql://me:s3cret@host/base")
    assert "s3cret" not in repr(orchestrator)
    assert "PostgresStore(" in repr(orchestrator)


@pytest.mark.anyio
async def test_opened_and_closed_without_a_block() -> None:
    config = configuration()
    cfg = single(config, flows.double, 21)
    orchestrator = await Orchestrator(config).open()
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()
    assert await scenario.result.read() == 42

    with pytest.raises(UsageError, match="open already"):
        await orchestrator.open()

    await orchestrator.close()
    await orchestrator.close()  # again, as in a cell that is run twice
    assert not orchestrator.is_open

    await orchestrator.open()
    await orchestrator.close()


@pytest.mark.anyio
@pytest.mark.both_loops
async def test_on_both_loops() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            chain(config, flows.double, flows.exit_hard)
        )
        submission = await scenario.submit().wait()

    first, second = submission.jobs
    assert statuses(submission.jobs) == ["COMPLETED", "FAILED"]
    assert second.reason == "its worker process ended with exit code 3"
    assert [one.reason for one in second.attempts] == [second.reason]
    assert not first.attempts


@pytest.mark.anyio
async def test_two_in_one_loop() -> None:
    configs = [configuration(), configuration()]
    cfgs = [chain(config, flows.double, flows.double) for config in configs]

    async with Orchestrator(configs[0]) as one:
        async with Orchestrator(configs[1]) as other:
            scenarios = [
                await one.create_scenario(cfgs[0]),
                await other.create_scenario(cfgs[1]),
            ]
            runs = [scenario.submit() for scenario in scenarios for _ in range(3)]
            [await run for run in runs]

        # The first still has workers, and its logs.
        run = await scenarios[0].submit()
        assert await run.jobs[0].output() == ""


@pytest.mark.anyio
async def test_one_in_each_of_two_threads() -> None:
    def work() -> int:
        async def main() -> int:
            config = configuration()

            async with Orchestrator(config) as orchestrator:
                scenario = await orchestrator.create_scenario(
                    single(config, flows.double, 21)
                )
                await scenario.submit()
                return int(await flows.result_of(scenario))

        return anyio.run(main)

    results = []

    async def run() -> None:
        results.append(await to_thread.run_sync(work))

    async with create_task_group() as group:
        group.start_soon(run)
        group.start_soon(run)

    assert results == [42, 42]


@pytest.mark.anyio
async def test_leaving_ends_what_runs(tmp_path: Path) -> None:
    config = configuration()
    path = tmp_path / "started"

    async with Orchestrator(config) as orchestrator:
        cfg = chain(config, lambda _: flows.touch_and_block(str(path)), flows.double)
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        child = await started(path)

    assert submission.status is SubmissionStatus.CANCELED
    assert submission.jobs[0].reason == "the orchestrator was closed"
    await gone(child)


@pytest.mark.anyio
async def test_leaving_while_workers_start() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, flows.double, 8))
        submission = scenario.submit()

    assert submission.status is SubmissionStatus.CANCELED


@pytest.mark.anyio
async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Orchestrator(configuration()):
            raise KeyError("mine")


@pytest.mark.anyio
async def test_drain_waits_for_all_runs() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))
        runs = [scenario.submit() for _ in range(3)]

        async with create_task_group() as group:
            group.start_soon(orchestrator.drain)
            group.start_soon(orchestrator.drain)

        assert all(run.status is SubmissionStatus.COMPLETED for run in runs)
        await orchestrator.drain()


@pytest.mark.anyio
async def test_prewarmed_workers_run_the_jobs() -> None:
    config = configuration(workers=2)
    config.configure_job_executions(
        mode="standalone", max_nb_of_workers=2, prewarm=True
    )

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, flows.pid, 20))
        await scenario.submit()
        pids = {await node.read() for node in list(scenario.data_nodes.values())[1:]}

    assert len(pids) <= 2


@pytest.mark.anyio
async def test_the_hosts_own_calls_share_the_workers() -> None:
    """A host's `to_process` call gets one of our workers, and we one of its."""
    config = configuration(workers=1)
    host_pid = await to_process.run_sync(flows.pid, None)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.pid))
        await scenario.submit()
        assert await scenario.result.read() == host_pid
        assert await to_process.run_sync(flows.pid, None) == host_pid
        await scenario.submit()


@pytest.mark.anyio
async def test_it_can_be_opened_again() -> None:
    config = configuration()
    orchestrator = Orchestrator(config)
    cfg = single(config, flows.double, 21)

    for _ in range(2):
        async with orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()


@pytest.mark.anyio
async def test_what_is_not_open_says_so() -> None:
    config = configuration()
    cfg = single(config, flows.double)
    orchestrator = Orchestrator(config)

    with pytest.raises(NotOpen, match="async with Orchestrator"):
        await orchestrator.create_scenario(cfg)

    async with orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()

        with pytest.raises(UsageError, match="open already"):
            await orchestrator.__aenter__()

    with pytest.raises(NotOpen):
        scenario.submit()

    with pytest.raises(NotOpen):
        await scenario.result.read()

    assert run.jobs[0].status is Status.COMPLETED


@pytest.mark.anyio
async def test_called_from_another_thread_says_so() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))

        with pytest.raises(UsageError, match="another thread"):
            await to_thread.run_sync(scenario.submit)


def test_on_another_loop_it_says_so() -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        async with Orchestrator(configuration()):
            pass

    with pytest.raises(UnsupportedLoop, match="asyncio"):
        trio.run(main)


@pytest.mark.anyio
async def test_everything_wrong_is_said_at_the_start() -> None:
    config = Configuration()
    config.configure_job_executions("turbo", 0)

    with pytest.raises(ConfigError) as caught:
        async with Orchestrator(config):
            pass

    assert [problem.field for problem in caught.value.problems] == [
        "mode",
        "max_nb_of_workers",
    ]


@pytest.mark.anyio
async def test_what_is_declared_later_is_checked_too() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        node = config.configure_data_node("node", default_data=1)
        cfg = config.configure_scenario(
            "circle", config.configure_task("turn", flows.double, node, node)
        )

        with pytest.raises(ConfigError, match="node"):
            await orchestrator.create_scenario(cfg)


class FullStore(MemoryStore):
    def save(self, *records: Record) -> None:
        if any(isinstance(record, JobRecord) for record in records):
            raise OSError(28, "No space left on device")

        super().save(*records)


@pytest.mark.anyio
async def test_a_job_whose_end_cannot_be_kept_has_failed() -> None:
    config = configuration()
    cfg = chain(config, flows.double, flows.double)

    async with Orchestrator(config, FullStore()) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with anyio.fail_after(20):
            submission = await scenario.submit().wait()

    assert statuses(submission.jobs) == ["FAILED", "ABANDONED"]
    assert "No space left" in submission.jobs[0].reason


def test_a_failure_that_nobody_saw_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    config = configuration()

    async def main() -> None:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(chain(config, flows.fail))
            scenario.submit()
            await orchestrator.drain()

    with caplog.at_level(logging.ERROR, "asyncflow"):
        anyio.run(main)

    assert "t0: ValueError: no 1" in caplog.text


@pytest.mark.anyio
async def test_a_failure_is_logged_when_it_happens_if_nobody_watches(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(chain(config, flows.fail))
        submission = scenario.submit()
        await orchestrator.drain()
        await orchestrator._opened().drain_notifications()
        (record,) = caplog.records
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], SubmissionFailed)

        with pytest.raises(SubmissionFailed):
            await submission

    assert len(caplog.records) == 1  # it is told once


@pytest.mark.anyio
async def test_a_failure_that_is_watched_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(chain(config, flows.fail))

        with pytest.raises(SubmissionFailed):
            await scenario.submit()

        with pytest.raises(SubmissionFailed):
            async with scenario.submit():
                await orchestrator.drain()

        async for _ in scenario.submit():
            pass

        async for _ in as_completed([scenario.submit(), scenario.submit()]):
            pass

    assert caplog.records == []


@pytest.mark.anyio
async def test_runs_that_are_cancelled_by_leaving_are_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(chain(config, flows.block))
        runs = [scenario.submit() for _ in range(3)]
        runs[0].cancel()

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "cancels 2 runs that have not ended" in record.getMessage()
    assert runs[2].id in record.getMessage()
    assert "await orchestrator.drain()" in record.getMessage()


def test_a_loop_that_ends_first_leaves_nothing() -> None:
    """A program that forgets to leave the orchestrator: the loop cancels its tasks."""
    config = configuration()
    cfg = chain(config, flows.block)
    runs = []

    async def main() -> None:
        orchestrator = Orchestrator(config)
        await orchestrator.__aenter__()
        scenario = await orchestrator.create_scenario(cfg)
        runs.append(scenario.submit())

    asyncio.run(main())
    assert statuses(runs[0].jobs) == ["CANCELED"]


@pytest.mark.anyio
async def test_data_nodes_are_read_and_written(tmp_path: Path) -> None:
    config = configuration()
    own = tmp_path / "größe.pickle"
    plain = config.configure_data_node("plain")
    mine = config.configure_pickle_data_node("mine", own, default_data={"a": 1})
    big = config.configure_in_memory_data_node("big", default_data="x" * 1_000_000)
    cfg = config.configure_scenario(
        "nodes", additional_data_node_configs=[plain, mine, big]
    )

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NoData, match="plain"):
            await scenario.plain.read()

        await scenario.plain.write([1, {"é": None}])
        assert await scenario.plain.read() == [1, {"é": None}]
        assert scenario.plain.last_edit_date is not None
        assert scenario.plain.last_edit_date <= datetime.now(UTC)

        assert await scenario.mine.read() == {"a": 1}
        await scenario.mine.write({"a": 2})
        assert await scenario.mine.read() == {"a": 2}
        assert await to_thread.run_sync(os.listdir, tmp_path) == [own.name]

        assert await scenario.big.read() == "x" * 1_000_000
        await scenario.big.write("y" * 1_000_000)
        assert await scenario.big.read() == "y" * 1_000_000

        with pytest.raises(NotPicklable, match=r"data node plain\[0\]"):
            await scenario.plain.write([threading.Lock()])

        assert await scenario.plain.read() == [1, {"é": None}]

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.mine.read() == {"a": 2}


@pytest.mark.anyio
async def test_a_read_gives_a_copy() -> None:
    config = configuration()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double, [1]))
        (await scenario.source.read()).append(2)
        assert await scenario.source.read() == [1]


@pytest.mark.anyio
async def test_large_values_that_were_replaced_are_removed() -> None:
    config = configuration()
    cfg = single(config, flows.double, b"x" * 1_000_000)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(5):
            await scenario.submit()

        nodes = nodes_of(scenario).values()
        versions = [one for node in nodes for one in (node.version, *node.older)]
        kept = [version.kept for version in versions if version]
        assert len(kept) == 3  # the source, the result, and one result before it
        assert isinstance(kept[0], str)
        folder = Path(kept[0]).parent

        def wait() -> None:
            while len(list(folder.glob("*.value"))) > len(kept):
                time.sleep(0.002)

        # What is replaced goes in the background.
        with fail_after(10):
            await to_thread.run_sync(wait, abandon_on_cancel=True)

        assert all(Path(str(path)).exists() for path in kept)  # noqa: ASYNC240  # a test

    assert not folder.exists()


@pytest.mark.anyio
async def test_scenarios_of_one_config_are_apart() -> None:
    config = configuration()
    cfg = single(config, flows.double, 1)

    async with Orchestrator(config) as orchestrator:
        one = await orchestrator.create_scenario(cfg, name="one", owner="me")
        other = await orchestrator.create_scenario("single")
        await one.source.write(5)
        await one.submit()
        await other.submit()
        assert await one.result.read() == 10
        assert await other.result.read() == 2
        assert one.properties == {"owner": "me"}
        assert one.source.owner_id == one.id
        assert one.creation_date.tzinfo is not None

        with pytest.raises(
            AttributeError, match="no sequence, task or data node 'nope'"
        ):
            _ = one.nope


@pytest.mark.anyio
async def test_a_worker_that_outlives_its_logs_gets_new_ones(tmp_path: Path) -> None:
    """A host's call keeps a worker busy while one orchestrator goes and one comes."""
    config = configuration(workers=1)
    cfg = chain(config, flows.print_in_child)
    go_on = anyio.Event()
    held = tmp_path / "held"

    async def hold(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with create_task_group() as group:
            group.start_soon(to_process.run_sync, flows.wait_for_file, str(held))
            await anyio.lowlevel.checkpoint()
            task_status.started()
            await go_on.wait()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

        async with create_task_group() as group:
            await group.start(hold)
            await orchestrator.__aexit__(None, None, None)
            await to_thread.run_sync(held.touch)
            go_on.set()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()
        assert await run.jobs[0].output() == "from a child\n"


@pytest.mark.anyio
async def test_records_in_a_file_outlive_the_orchestrator(tmp_path: Path) -> None:
    config = configuration()
    path = tmp_path / "folder" / "größe.db"
    cfg = chain(config, flows.double, flows.fail, flows.double)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="Ω")
        submission = scenario.submit(user="Zoë")
        await submission.accepted()
        (accepted,) = await SqliteReader(path).submissions()
        await submission.wait()
        stored = await SqliteReader(path).jobs()

    assert await submission.wait() is submission
    assert accepted.properties == {"user": "Zoë"}
    assert [job.status for job in stored] == ["COMPLETED", "FAILED", "ABANDONED"]

    async with SqliteStore(path) as store:
        (kept,) = await store.scenarios(name="Ω")
        (run,) = await store.submissions(entity_id=kept.id, status="FAILED")
        (failed,) = await store.jobs(submission_id=run.id, status="FAILED")

    assert failed.id == submission.jobs[1].id
    assert failed.reason == "ValueError: no 2"
    assert "jobs.py" in failed.traceback


@attrs.frozen
class SqliteReader:
    """Another process's view of a file: of what is committed."""

    path: Path

    async def submissions(self) -> list[SubmissionRecord]:
        async with SqliteStore(self.path) as store:
            return await store.submissions()

    async def jobs(self) -> list[JobRecord]:
        async with SqliteStore(self.path) as store:
            return await store.jobs()


@pytest.mark.anyio
async def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("not a database, but long enough" * 40)  # a test

    with pytest.raises(StoreFailed, match=r"runs\.db"):
        async with Orchestrator(configuration(), tmp_path / "runs.db"):
            pass


@pytest.mark.anyio
async def test_a_property_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    config = configuration()
    cfg = single(config, flows.double)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NotPicklable, match="lock"):
            scenario.submit(lock=threading.Lock())

        assert await orchestrator.submissions() == []
        await scenario.submit()
        await orchestrator.drain()
