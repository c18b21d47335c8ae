"""The file systems of addresses."""

from __future__ import annotations

from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Configuration, Orchestrator
from asyncflow.drivers._file_systems import (
    OfOneProcess,
    file_system,
    move,
    remedy_of,
)
from asyncflow.worker import current
from tests.support.buckets import bucket as bucket
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm


def test_a_worker_does_not_look_into_its_own_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, at = file_system("memory://own/a", {}, ())
    files.pipe_file(at, b"1")
    move(files, at, "/own/b")
    assert files.cat_file("/own/b") == b"1"

    monkeypatch.setattr(current, "is_worker", True)

    with pytest.raises(OfOneProcess, match="is of one process"):
        file_system("memory://own/a", {}, ())


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (FileNotFoundError("s3://a"), "make the bucket"),
        (PermissionError("no"), "storage_options may do it"),
        (ValueError("no"), "correct the address"),
        (OSError(28, "full"), "free some space"),
        (RuntimeError("?"), "can be reached"),
    ],
)
def test_what_to_do(error: Exception, remedy: str) -> None:
    assert remedy in remedy_of(error)


def add(value: list[int]) -> list[int]:
    return [*value, 1]


@pytest.mark.anyio
async def test_a_worker_stays_after_it_has_asked_a_server(
    bucket: str, config: Configuration
) -> None:
    client = {"endpoint_url": bucket, "region_name": "us-east-1"}
    options: dict[str, Any] = {"key": "a", "secret": "b", "client_kwargs": client}
    source = config.configure_data_node("source", default_data=[0])
    made = config.configure_json_data_node(
        "made", default_path="s3://shop/made.json", storage_options=options
    )
    task = config.configure_task("add", add, source, made)
    cfg = config.configure_scenario("adding", task)
    config.configure_job_executions("standalone", max_nb_of_workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(50):
            runs = [await scenario.submit() for _ in range(3)]

        assert len({job.worker for run in runs for job in run.jobs}) == 1
