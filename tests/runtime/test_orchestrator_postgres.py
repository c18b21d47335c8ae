"""An orchestrator whose records are in PostgreSQL: the same promises."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from anyio import fail_after

from asyncflow import Configuration, Orchestrator, Scenario, Scope, Submission
from asyncflow.records import OrchestratorRecord, SubmissionRecord
from asyncflow.status import SubmissionStatus
from asyncflow.stores.postgres import PostgresStore
from tests.support import flows
from tests.support.flows import single
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(server: Server, database: str) -> str:
    return server.url(database)


async def test_runs_and_values_are_there_afterwards(
    config: Configuration, url: str, tmp_path: Path
) -> None:
    cfg = single(config, flows.identity, b"x" * 200_000, storage_type="pickle")

    async with Orchestrator(config, PostgresStore(url, tmp_path)) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit(idempotency_key="k")

    async with Orchestrator(config, PostgresStore(url, tmp_path)) as orchestrator:
        again = await orchestrator.get(scenario.id)
        assert isinstance(again, Scenario)
        assert await again.result.read() == b"x" * 200_000
        same = await again.submit(idempotency_key="k")
        assert same.id == submission.id
        await orchestrator.delete(scenario.id)
        assert await orchestrator.scenarios() == []


async def test_an_address_is_a_store(
    config: Configuration, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASYNCFLOW_STORE", url)
    cfg = single(config, flows.double, 21)

    async with Orchestrator(config) as orchestrator:
        assert isinstance(orchestrator.store, PostgresStore)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == 42


async def test_a_run_of_another_is_awaited(
    config: Configuration, url: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(go))
    values = tmp_path / "values"

    async with (
        Orchestrator(config, PostgresStore(url, values)) as one,
        Orchestrator(config, PostgresStore(url, values)) as other,
    ):
        submission = await (await one.create_scenario(cfg)).submit().accepted()
        seen = await other.get(submission.id)
        assert isinstance(seen, Submission)
        go.touch()

        with fail_after(20):
            await seen


async def test_a_crash_is_gone_on_from(
    config: Configuration, url: str, tmp_path: Path
) -> None:
    """An owner that cannot be seen any more: its runs go on in the next one."""
    cfg = single(config, flows.double, 21)

    async with Orchestrator(config, PostgresStore(url, tmp_path)) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()

    async with PostgresStore(url, tmp_path) as store:
        record = await store.get(submission.id)
        assert isinstance(record, SubmissionRecord)
        (job,) = await store.jobs()
        await store.delete(job.id)
        store.save(
            record._replace(
                orchestrator_id="ORCHESTRATOR_x",
                finished=None,
                status=SubmissionStatus.RUNNING,
            )
        )
        store.save(killed("ORCHESTRATOR_x"))
        await store.flush()

    async with Orchestrator(config, PostgresStore(url, tmp_path)) as orchestrator:
        run = await orchestrator.get(submission.id)
        assert isinstance(run, Submission)
        assert run.is_adopted

        with fail_after(20):
            await run


def killed(identity: str) -> OrchestratorRecord:
    return OrchestratorRecord(identity, "another host", 1, "", "", lease=1.0)


async def test_a_value_is_looked_up_as_other_hosts_write_too(
    config: Configuration, url: str, tmp_path: Path
) -> None:
    rate = config.configure_data_node("rate", scope=Scope.GLOBAL, default_data=1)
    cfg = config.configure_scenario("rated", None, rate)

    async with Orchestrator(config, PostgresStore(url, tmp_path)) as one:
        mine = (await one.create_scenario(cfg)).rate
        (own,) = await one.store.orchestrators()
        await anyio.Path(own.address).unlink()  # another host has no such path

        async with Orchestrator(config, PostgresStore(url, tmp_path)) as other:
            theirs = (await other.create_scenario(cfg)).rate
            await theirs.write(2)
            assert await mine.read() == 2
            await mine.write(3)
            assert await theirs.read() == 3
