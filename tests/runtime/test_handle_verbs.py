"""The verbs of handles: they ask what is open, and some need nothing open."""

from __future__ import annotations

import time
from math import inf

import pytest

from asyncflow import Configuration, NotOpen, Orchestrator
from asyncflow.entities.data_node import node_of
from asyncflow.entities.submission import handle_of
from asyncflow.options import RunOptions
from asyncflow.runtime import handle_verbs
from asyncflow.runtime.handle_verbs import HandleVerbs
from asyncflow.runtime.session import Session
from asyncflow.stores.memory import MemoryStore
from tests.support import flows
from tests.support.entities import _never, complete, make_run, make_scenario

pytestmark = pytest.mark.anyio


@pytest.fixture
def verbs() -> HandleVerbs:
    return HandleVerbs(Session(Configuration(), MemoryStore(), False, _never))


async def test_what_is_not_open_is_said(
    config: Configuration, verbs: HandleVerbs
) -> None:
    scenario = await make_scenario(flows.single(config, flows.double))
    submission = handle_of(make_run(scenario))

    with pytest.raises(NotOpen):
        verbs.submit(scenario, RunOptions())

    with pytest.raises(NotOpen):
        verbs.cancel(submission, reason=None)

    with pytest.raises(NotOpen):
        await verbs.read(node_of(scenario.source), None)

    with pytest.raises(NotOpen):
        await verbs.lock(node_of(scenario.source), "ann", 5.0)


async def test_what_has_ended_needs_nobody_to_end_it(
    config: Configuration, verbs: HandleVerbs
) -> None:
    run = make_run(await make_scenario(flows.single(config, flows.double)))
    complete(run)
    submission = handle_of(run)
    assert not verbs.cancel(submission, reason=None)
    assert not verbs.cancel(submission.jobs[0], reason="enough")
    await verbs.accepted(submission)
    await verbs.flush()


async def test_where_nothing_is_open_nothing_will_be_written(
    config: Configuration, verbs: HandleVerbs
) -> None:
    scenario = await make_scenario(flows.single(config, flows.double))
    assert not verbs.will_be_written(scenario.result)


async def test_a_handle_works_again_in_the_next_opening() -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double, 5)
    orchestrator = Orchestrator(config, ":memory:")

    async with orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        verbs = HandleVerbs(orchestrator._session)
        assert await verbs.read(node_of(scenario.source), None) == 5

    with pytest.raises(NotOpen):
        await verbs.read(node_of(scenario.source), None)


@pytest.mark.parametrize(
    ("gap", "longest", "looks"),
    [(inf, inf, 1), (-1.0, inf, 3), (inf, 0.0, 3)],
    ids=["at once", "after a gap", "after long"],
)
async def test_submits_that_follow_each_other_at_once_share_a_look_at_files(
    config: Configuration,
    monkeypatch: pytest.MonkeyPatch,
    gap: float,
    longest: float,
    looks: int,
) -> None:
    monkeypatch.setattr(handle_verbs, "GAP", gap)
    monkeypatch.setattr(handle_verbs, "LONGEST", longest)
    cfg = flows.single(config, flows.double)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        specs = orchestrator._session.opened().specs
        specs.looked_at = -inf  # as if that had been long ago
        seen: set[float] = set()

        for _ in range(3):
            submission = scenario.submit()
            seen.add(specs.looked_at)
            assert not specs.is_close  # what is done beside submits looks

        await submission
        assert len(seen) == looks


async def test_a_submit_that_is_refused_has_looked_at_nothing(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle_verbs, "LONGEST", inf)
    cfg = flows.single(config, flows.double)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        specs = orchestrator._session.opened().specs
        monkeypatch.setattr(handle_verbs, "GAP", -1.0)

        with pytest.raises(ValueError, match="timeout"):
            scenario.submit(timeout=-1.0)

        monkeypatch.setattr(handle_verbs, "GAP", inf)
        assert specs.looked_at == -inf
        before = time.perf_counter()
        await scenario.submit()
        assert specs.looked_at >= before
