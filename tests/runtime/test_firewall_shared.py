"""The firewall round the tasks of orchestrators that share a store; see test_firewall."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import anyio
import pytest
from anyio import fail_after

from asyncflow import Configuration, Orchestrator, Scope, Submission
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery import peers
from asyncflow.recovery import recovery as _recover
from asyncflow.recovery.peers import PeerGone
from asyncflow.recovery.recovery import Recovery
from asyncflow.recovery.remote_runs import RemoteRuns
from asyncflow.runtime.acceptance import Acceptance
from asyncflow.values.stored import StoredVersions
from tests.runtime.test_firewall import check_innocent
from tests.support import flows
from tests.support.flows import single

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


class Broken:
    """Raises, and counts how often."""

    def __init__(self) -> None:
        self.count = 0
        self.has_raised = anyio.Event()

    async def __call__(self, *_: object) -> NoReturn:
        self.count += 1

        if self.count > 1:
            self.has_raised.set()

        raise RuntimeError("it is broken")


@pytest.mark.smoke
async def test_who_looks_for_the_dead_looks_again(
    config: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_recover, "LEASE", 0.3)
    broken, looked, others = Broken(), anyio.Event(), Recovery._others

    async def look(recovery: Recovery) -> list[OrchestratorRecord]:
        looked.set()
        return await others(recovery)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        monkeypatch.setattr(Recovery, "_others", broken)

        with fail_after(PATIENCE):
            await broken.has_raised.wait()

        monkeypatch.setattr(Recovery, "_others", look)

        with fail_after(PATIENCE):
            await looked.wait()

        await check_innocent(orchestrator, config)

    told = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert told == ["nobody looked who has died"]


async def watched(
    one: Orchestrator, other: Orchestrator, config: Configuration, go: Path
) -> tuple[Submission, Submission]:
    """Start a run, and have another orchestrator follow it."""
    cfg = single(config, flows.wait_for_file, str(go))
    submission = await (await one.create_scenario(cfg)).submit().accepted()
    found = await other.get(submission.id)
    assert isinstance(found, Submission)
    return submission, found


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Recovery, "adopt"), (RemoteRuns, "_look")],
    ids=["adopt", "look"],
)
async def test_a_run_that_cannot_be_followed(
    owner: type,
    name: str,
    one: Orchestrator,
    other: Orchestrator,
    config: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its handle ends with the error; where it runs, it goes on."""

    async def gone(*_: object) -> NoReturn:
        raise PeerGone

    go = tmp_path / "go"
    monkeypatch.setattr(peers, "watch", gone)
    monkeypatch.setattr(peers, "wait", gone)
    monkeypatch.setattr(owner, name, Broken())
    submission, found = await watched(one, other, config, go)

    with fail_after(PATIENCE), pytest.raises(RuntimeError, match="it is broken"):
        await found

    await check_innocent(other, config)
    go.touch()

    with fail_after(PATIENCE):
        await submission


async def test_a_run_with_a_key_that_cannot_be_followed(
    one: Orchestrator,
    other: Orchestrator,
    config: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Acceptance, "_watch", Broken())
    go = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(go))
    scenario = await one.create_scenario(cfg)
    first = await scenario.submit(idempotency_key="k").accepted()
    same = await other.get(scenario.id)
    second = same.submit(idempotency_key="k")  # type: ignore[union-attr]  # a scenario

    with fail_after(PATIENCE), pytest.raises(RuntimeError, match="it is broken"):
        await second

    await check_innocent(other, config)
    go.touch()

    with fail_after(PATIENCE):
        await first


async def test_old_versions_that_cannot_be_dropped(
    one: Orchestrator,
    other: Orchestrator,
    config: Configuration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Broken()
    monkeypatch.setattr(StoredVersions, "tidy", broken)
    given = config.configure_data_node("number", default_data=2)
    kept = config.configure_data_node("kept", scope=Scope.GLOBAL)
    task = config.configure_task("work", flows.double, given, kept)
    scenario = await one.create_scenario(config.configure_scenario("shared", task))

    with fail_after(PATIENCE):
        for _ in range(4):
            await scenario.submit()

    assert broken.has_raised.is_set()
    assert await scenario.kept.read() == 4
    await check_innocent(one, config)
    await check_innocent(other, config)
