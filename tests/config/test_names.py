"""Names of data nodes, tasks and sequences; names of options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import asyncflow
from asyncflow import ConfigError, Configuration, NoData, Orchestrator, UsageError
from tests.support.flows import configuration

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.fixture
def config() -> Configuration:
    return configuration()


async def test_none_is_a_value(config: Configuration) -> None:
    given = config.configure_data_node("given", default_data=None)
    unwritten = config.configure_data_node("unwritten")
    task = config.configure_task("t", repr, given, unwritten)
    cfg = config.configure_scenario("s", task)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.given.read() is None

        with pytest.raises(NoData, match="give it default_data"):
            await scenario.unwritten.read()

        await scenario.submit()
        assert await scenario.unwritten.read() == "None"


def fail(value: object) -> None:
    raise ValueError(f"not {value}")


async def test_a_read_after_a_failure_names_the_failure(
    config: Configuration, tmp_path: Path
) -> None:
    first = config.configure_data_node("first", default_data=1)
    middle = config.configure_data_node("middle")
    last = config.configure_data_node("last")
    tasks = [
        config.configure_task("breaks", fail, first, middle),
        config.configure_task("follows", str, middle, last),
    ]
    cfg = config.configure_scenario("s", tasks)

    async with Orchestrator(config, store=tmp_path / "x.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        job, _ = submission.jobs

        with pytest.raises(
            NoData, match=f"{job.id} .*'breaks'.*FAILED: ValueError: not"
        ):
            await scenario.middle.read()

        with pytest.raises(NoData, match="'follows', which writes it, is ABANDONED"):
            await scenario.last.read()


async def test_what_is_configured_too_late_is_said_once(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    node = config.configure_data_node("n", default_data=1)
    cfg = config.configure_scenario("s", additional_data_node_configs=node)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        await orchestrator.create_scenario(cfg)
        config.configure_job_executions(max_log_size=2_000_000)

        for _ in range(2):
            await orchestrator.create_scenario(cfg)

    (record,) = caplog.records
    assert "holds from the next opening on" in record.getMessage()


async def test_a_plain_with_names_the_other_face(config: Configuration) -> None:
    with pytest.raises(UsageError, match="async with"), Orchestrator(config):
        pytest.fail("it was entered")


async def test_a_config_error_has_a_short_traceback(config: Configuration) -> None:
    config.configure_job_executions(mode="standalon")

    with pytest.raises(ConfigError) as caught:
        async with Orchestrator(config, store=":memory:"):
            pytest.fail("it was opened")

    assert len(caught.traceback) <= 4
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_faces_are_attributes() -> None:
    program = "import asyncflow; asyncflow.sync.Orchestrator, asyncflow.otel.tracing"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    assert {"sync", "otel", "testing"} <= set(dir(asyncflow))


async def test_the_repr_of_a_run_has_its_id(config: Configuration) -> None:
    task = config.configure_task(
        "t", str, config.configure_data_node("n", default_data=1)
    )

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(
            config.configure_scenario("s", task)
        )
        submission = await scenario.submit()
        _, found, *_ = repr(submission).replace("<", " ").split(" ")
        assert await orchestrator.get(found) is submission
