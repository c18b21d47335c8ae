"""What is looked at before a run begins: what others may have written, and files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from asyncflow import Configuration, Orchestrator, Scope
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import dag_of, nodes_of
from asyncflow.options import RunOptions
from asyncflow.runtime.preparation import RunPreparation
from tests.support import flows
from tests.support.attempts import call_spec

pytestmark = pytest.mark.anyio


async def prepared(
    orchestrator: Orchestrator, *, is_shared: bool, skippable: bool = False
) -> tuple[RunPreparation, Run]:
    """Make a run of a task with a global source, and what prepares it."""
    config, engine = orchestrator.config, orchestrator._opened()
    source = config.configure_data_node("source", scope=Scope.GLOBAL, default_data=1)
    own = config.configure_data_node("own", default_data=2)
    result = config.configure_data_node("result")
    task = config.configure_task(
        "work", flows.add, [source, own], result, skippable=skippable
    )
    cfg = config.configure_scenario("flow", task)
    scenario = await orchestrator.create_scenario(cfg)
    engine.versions.sharing.is_shared = is_shared
    options = RunOptions()
    run = engine.identity_map.new_submission("k", scenario, dag_of(scenario), options)
    return engine.preparation, run


@pytest.fixture
def config() -> Configuration:
    return flows.configuration("development")  # no worker is started


async def yes(told: list[str], answer: bool) -> bool:
    told.append("then")
    return answer


async def test_who_is_alone_looks_at_nothing(config: Configuration) -> None:
    async with Orchestrator(config) as orchestrator:
        preparation, run = await prepared(orchestrator, is_shared=False)
        assert preparation.shared(run) == []
        assert preparation.read(run) == []
        assert preparation.first(run, [call_spec()]) is None
        then = partial(yes, [], True)
        assert preparation.first(run, [call_spec()], (), then) is then


async def test_with_others_the_sources_are_looked_at(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        preparation, run = await prepared(orchestrator, is_shared=True)
        nodes = nodes_of(run.entity)
        assert preparation.shared(run) == [nodes["source"]]
        assert preparation.read(run) == [nodes["source"], nodes["own"]]

        told: list[str] = []

        for answer in (True, False):
            read = preparation.read(run)
            first = preparation.first(
                run, [call_spec()], read, partial(yes, told, answer)
            )
            assert first is not None
            assert await first() is answer

        assert told == ["then", "then"]
        first = preparation.first(run, [call_spec()], preparation.read(run))
        assert first is not None
        assert await first()  # nobody else has a say


async def test_files_of_skippable_tasks_are_looked_at(
    config: Configuration, tmp_path: Path
) -> None:
    file = tmp_path / "own.pickle"
    own = config.configure_data_node("own", default_path=file)
    task = config.configure_task("work", flows.increment, None, own, skippable=True)
    cfg = config.configure_scenario("flow", task)

    async with Orchestrator(config) as orchestrator:
        engine = orchestrator._opened()
        scenario = await orchestrator.create_scenario(cfg)
        options = RunOptions()
        run = engine.identity_map.new_submission(
            "k", scenario, dag_of(scenario), options
        )
        specs = engine.specs.of_all(dag_of(scenario).kinds, force=False)
        assert specs[0].fingerprint is not None
        told: list[str] = []
        first = engine.preparation.first(run, specs, (), partial(yes, told, True))
        assert first is not None
        assert told == []
        assert await first()
        assert told == ["then"]


@pytest.mark.anyio
async def test_a_run_whose_files_are_looked_at_keeps_its_turn(tmp_path: Path) -> None:
    config = flows.configuration()
    own, place = str(tmp_path / "own.json"), str(tmp_path / "place.json")
    (tmp_path / "own.json").write_text("[1]")
    source = config.configure_json_data_node("source", own)
    written = config.configure_json_data_node("written", place)
    read = config.configure_json_data_node("read", place)
    result = config.configure_data_node("result")
    writing = config.configure_task("writing", flows.identity, source, written)
    reading = config.configure_task("reading", flows.identity, read, result)
    first_cfg = config.configure_scenario("first", writing)
    second_cfg = config.configure_scenario("second", reading)

    async with Orchestrator(config, ":memory:") as orchestrator:
        first = await orchestrator.create_scenario(first_cfg)
        second = await orchestrator.create_scenario(second_cfg)

        # What the first writes the second has to read: there is nothing before.
        runs = [first.submit(), second.submit()]

        for run in runs:
            await run

        assert await second.data_nodes["result"].read() == [1]
