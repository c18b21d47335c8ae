"""What killed programs have staged on servers: removed, or told and tried again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import to_thread

from asyncflow import Configuration, Orchestrator
from asyncflow.drivers.s3_object import S3Driver, S3Options
from asyncflow.recovery import settling
from asyncflow.worker.intent import STAGED
from tests.conftest import Caplog
from tests.support.buckets import address as address
from tests.support.buckets import client as client
from tests.support.buckets import keys

OWN = settling.Place("own")


@pytest.fixture
def driver(address: str) -> S3Driver:
    options = S3Options(
        aws_access_key="a",
        aws_secret_access_key="b",
        aws_s3_bucket_name="shop",
        aws_s3_object_key="key",
        aws_region="us-east-1",
        aws_s3_endpoint_url=address,
    )
    return S3Driver(None, options)


def stage(driver: S3Driver, folder: Path) -> Path:
    """Stage a value, as a program does that is killed then; return its mark."""
    path = str(folder / "ORCHESTRATOR_dead-1.value")
    driver.write(b"value", path, "own")
    return Path(path + STAGED)


def warnings_of(caplog: Caplog) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


def test_a_server_that_is_away_is_told(
    driver: S3Driver, client: Any, tmp_path: Path, caplog: Caplog
) -> None:
    mark = stage(driver, tmp_path)
    assert len(keys(client)) == 1
    left = settling.staged_by_dead(str(tmp_path), {"ORCHESTRATOR_living"})
    assert left.staged == {str(mark).removesuffix(STAGED): OWN}
    nowhere = attrs.evolve(driver.options, aws_s3_endpoint_url="http://127.0.0.1:1")
    settling.discard(left, {OWN: S3Driver(None, nowhere)})
    assert mark.exists()
    (text,) = warnings_of(caplog)
    assert "staged for 'own' is still there" in text
    assert str(mark) in text
    caplog.clear()

    settling.discard(left, {OWN: driver})  # at the next start
    assert not mark.exists()
    assert keys(client) == []
    assert not warnings_of(caplog)


def test_what_a_living_program_has_staged_stays(
    driver: S3Driver, client: Any, tmp_path: Path
) -> None:
    mark = stage(driver, tmp_path)
    assert not settling.staged_by_dead(str(tmp_path), {"ORCHESTRATOR_dead"}).staged
    driver.discard(None, str(mark).removesuffix(STAGED))
    assert keys(client) == []


@pytest.mark.anyio
async def test_an_orchestrator_looks_for_what_others_could_not_remove(
    driver: S3Driver, client: Any, config: Configuration, tmp_path: Path
) -> None:
    options = attrs.asdict(driver.options)
    given = {name: value for name, value in options.items() if value}
    node = config.configure_data_node("own", "s3_object", **given)
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        engine = orchestrator._session.opened()
        folder = Path(engine.versions.folder)
        mark = await to_thread.run_sync(stage, driver, folder)
        await engine.recovery.discard_staged()
        assert not mark.exists()
        assert await to_thread.run_sync(keys, client) == []
