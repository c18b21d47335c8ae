"""The verbs of handles: they ask what is open, and some need nothing open."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, NotOpen, Orchestrator
from asyncflow.entities.data_node import node_of
from asyncflow.entities.submission import handle_of
from asyncflow.options import RunOptions
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
