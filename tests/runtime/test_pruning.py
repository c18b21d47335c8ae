"""Old runs: removed when asked for, and by a rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from anyio import fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    ConfigError,
    Configuration,
    NotFound,
    Orchestrator,
    Pruned,
    UsageError,
)
from asyncflow.records import JobRecord, LogRecord
from asyncflow.runtime import pruning
from asyncflow.status import Status
from asyncflow.stores.sqlite import SqliteStore
from tests.support import flows
from tests.support.flows import configuration
from tests.support.records import submission_record

pytestmark = pytest.mark.anyio


def shout(value: int) -> int:
    print("value", value)
    return value


@pytest.mark.parametrize("place", [":memory:", "runs.db"])
async def test_old_submissions_go_and_values_stay(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    config = configuration(workers=1)
    cfg = flows.single(config, shout, executor="thread")
    store = place if place == ":memory:" else str(tmp_path / place)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [await scenario.submit() for _ in range(7)]
        assert await orchestrator.prune(timedelta(hours=1)) == Pruned()

        with pytest.raises(UsageError, match=r"older_than is at least timedelta\(0\)"):
            await orchestrator.prune(timedelta(-1))

        assert await orchestrator.prune(keep=4, logs_only=True) == Pruned(0, 0, 3)
        assert await runs[2].jobs[0].output() == ""
        assert await runs[3].jobs[0].output() == "value 1\n"
        assert await orchestrator.prune(timedelta(0), keep=2) == Pruned(5, 5, 2)
        left = [one.id for one in await orchestrator.submissions()]
        assert left == [runs[5].id, runs[6].id]
        assert len(await orchestrator.jobs()) == 2
        assert await scenario.result.read() == 1

        with pytest.raises(NotFound):
            await orchestrator.get(runs[0].id)

        for wrong in (None, -1):
            with pytest.raises(UsageError):
                await orchestrator.prune(keep=wrong)


@pytest.mark.smoke
async def test_a_run_that_goes_on_stays() -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, shout, executor="thread")

    async with Orchestrator(config, ":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        assert await orchestrator.prune(keep=0) == Pruned()
        await submission
        assert await orchestrator.prune(keep=0) == Pruned(1, 1, 1)


async def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    text = "x" * 100_000

    async with SqliteStore(path) as store, SqliteStore(path) as other:
        for number in range(100):
            run = submission_record(number, finished=float(number))
            job = JobRecord(
                f"JOB_{number}", "t", run.id, Status.COMPLETED, "", 0.0, 1.0, ""
            )
            store.save(run, job, LogRecord(job.id, text))

        await store.flush()
        assert await store.shrink() == 0
        ids = await store.prunable(keep=10)
        assert await store.prune(*ids) == (90, 90, 90, 0)
        freed = await store.shrink()
        assert freed > 8_000_000
        assert (await to_thread.run_sync(path.stat)).st_size < 2_000_000
        assert await store.shrink() == 0
        assert len(await other.submissions()) == 10
        other.save(submission_record(1000))
        await other.flush()


async def test_a_rule_is_kept_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, shout, executor="thread")
    path = str(tmp_path / "runs.db")

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [(await scenario.submit()).id for _ in range(5)]

    config.configure_core(keep_submissions=3, keep_log_days=0)

    async with Orchestrator(config, path) as orchestrator:
        with fail_after(20):
            while await orchestrator.store.prunable(has_log=True):
                await checkpoint()

        assert [one.id for one in await orchestrator.submissions()] == runs[2:]

    monkeypatch.setattr(pruning, "EVERY", 0.0)
    config.configure_core(keep_days=0, keep_submissions=1)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        last = await scenario.submit()

        with fail_after(20):
            while [one.id for one in await orchestrator.submissions()] != [last.id]:
                await checkpoint()


async def test_without_a_rule_all_stays(tmp_path: Path) -> None:
    config = configuration(workers=1)
    assert config.core_config.keeps_all
    assert not config.configure_core(keep_submissions=0).keeps_all


def test_a_rule_has_a_toml_form(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    config = configuration()
    config.export(path)
    assert "CORE" not in path.read_text()
    config.configure_core(keep_days=30, keep_submissions=1000, owner="me")

    for _ in range(2):  # a new file, and one that is edited
        config.export(path)
        text = '[CORE]\nkeep_days = 30\nkeep_submissions = 1000\nowner = "me"\n'
        assert text in path.read_text()
        path.write_text(f"# mine\n{path.read_text()}")

    other = Configuration()
    other.load(path)
    core = other.core_config
    assert (core.keep_days, core.keep_submissions) == (30, 1000)
    assert core.keep_log_days is None
    assert core.properties == {"owner": "me"}

    path.write_text("[CORE]\nkeep_days = -1\n")

    with pytest.raises(ConfigError, match="keep_days"):
        other.load(path)

    other.clear()
    assert other.core_config.keep_days is None
