"""Opening orchestrators for a test, whatever its configuration says of executions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from asyncflow import Configuration
from asyncflow.testing._orchestrators import WORKERS, Orchestrators
from tests.support import flows

pytestmark = pytest.mark.anyio


@pytest.fixture
def config() -> Configuration:
    config = Configuration()
    options: dict[str, Any] = {
        "echo": False,
        "resources": {"gpu": 2},
        "kill_grace": 0.5,
    }
    config.configure_job_executions("standalone", 5, **options, note="mine")
    return config


@pytest.mark.blocking_jobs
async def test_inline_keeps_all_in_memory(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrators(config, tmp_path).open("inline") as orchestrator:
        assert orchestrator.config is config
        assert orchestrator.max_nb_of_workers == 1
        cfg = flows.single(config, flows.pid)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await flows.result_of(scenario) == flows.pid(None)
        assert os.listdir(tmp_path) == []


async def test_process_keeps_all_in_the_folder(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrators(config, tmp_path).open("process") as orchestrator:
        assert orchestrator.max_nb_of_workers == WORKERS == 2
        cfg = flows.single(config, flows.pid)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await flows.result_of(scenario) != flows.pid(None)

    assert "asyncflow.db" in os.listdir(tmp_path)


async def test_the_configuration_is_as_it_was(
    config: Configuration, tmp_path: Path
) -> None:
    before = repr(config.job_config)

    async with Orchestrators(config, tmp_path).open("inline"):
        assert repr(config.job_config) == before

    assert repr(config.job_config) == before
    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers) == ("standalone", 5)
    assert (jobs.echo, jobs.properties) == (False, {"note": "mine"})
    assert (jobs.resources, jobs.kill_grace) == ({"gpu": 2}, 0.5)


async def test_the_configuration_is_as_it_was_where_opening_fails(
    config: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "asyncflow.db").mkdir()
    before = repr(config.job_config)

    with pytest.raises(Exception, match="is a folder"):
        await Orchestrators(config, tmp_path).open("process").__aenter__()

    assert repr(config.job_config) == before
