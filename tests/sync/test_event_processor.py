"""Functions that are called for what happens to entities."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, Orchestrator, ScenarioConfig, UsageError
from tests.support.flows import configuration, double


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


@pytest.fixture
def cfg(config: Configuration) -> ScenarioConfig:
    source = config.configure_data_node("source", default_data=5)
    result = config.configure_data_node("result")
    task = config.configure_task("work", double, source, result)
    config.configure_scenario("other", [], config.configure_data_node("alone"))
    return config.configure_scenario("s", task)


@pytest.fixture
def running(config: Configuration, tmp_path: Path) -> Iterator[tp.Orchestrator]:
    with tp.Orchestrator(config, str(tmp_path / "a.db")) as orchestrator:
        yield orchestrator


def test_functions_are_given_what_they_need(
    running: tp.Orchestrator, cfg: ScenarioConfig, config: Configuration
) -> None:
    calls: list[tuple[Any, ...]] = []

    def note(event: tp.Event, *given: Any) -> None:
        calls.append((event.operation, *given))

    processor = tp.EventProcessor()
    processor.on_scenario_created(note, ["made"], cfg)
    processor.on_scenario_deleted(note, ["gone"])
    processor.on_datanode_created(note, ["node"], "result")
    processor.on_datanode_written(note, ["written"], [cfg.data_nodes[-1]])
    processor.on_datanode_deleted(note, ["lost"], "alone")
    processor.on_submission_finished(note, ["over"], "s")
    processor.on_submission_finished(note, ["never"], "other")
    processor.on_event(note, ["named"], "SCENARIO", attribute_name="name")
    processor.on_event(note, ["no"], filter=lambda _: False)
    processor.start()

    with pytest.raises(UsageError, match="started already"):
        processor.start()

    scenario = tp.create_scenario(cfg)
    scenario.name = "n"
    submission = scenario.submit()
    other = tp.create_scenario(config.scenarios["other"])
    node = other.alone.id
    tp.delete(other.id)
    processor.stop()
    scenario.name = "m"

    assert calls == [
        ("CREATION", scenario.result, "node"),
        ("CREATION", scenario, "made"),
        ("UPDATE", "named"),
        ("UPDATE", scenario.result, 10, "written"),
        ("UPDATE", scenario, submission, "over"),
        ("DELETION", node, "lost"),
        ("DELETION", other.id, "gone"),
    ]


def test_a_function_that_raises_is_told_once_and_harms_nobody(
    running: tp.Orchestrator, cfg: ScenarioConfig, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []

    def fail(event: tp.Event, scenario: tp.Scenario) -> None:
        raise ValueError("no")

    def note(event: tp.Event, scenario: tp.Scenario) -> None:
        made.append(scenario.id)
        scenario.name = "found"

    processor = tp.EventProcessor().on_scenario_created(fail).on_scenario_created(note)
    processor.start()
    scenarios = [tp.create_scenario(cfg) for _ in range(3)]

    with caplog.at_level(logging.ERROR):
        running.stop()  # ends the processor, after what it is called for

    assert made == [scenario.id for scenario in scenarios]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "fail failed for CREATION of SCENARIO_s_" in told[0]
    assert told[1].endswith("fail failed 2 times more")
    running.run()
    assert {one.name for one in tp.get_scenarios()} == {"found"}


def test_what_another_orchestrator_does_is_heard(
    running: tp.Orchestrator,  # it hears
    cfg: ScenarioConfig,
    config: Configuration,
    tmp_path: Path,
) -> None:
    heard = threading.Event()
    found: list[tuple[Any, ...]] = []

    def note(event: tp.Event, entity: Any, submission: tp.Submission) -> None:
        found.append((event.attribute_value, entity.name, submission.status))
        heard.set()

    async def elsewhere() -> None:
        async with Orchestrator(config, str(tmp_path / "a.db")) as other:
            scenario = await other.create_scenario(cfg, name="theirs")
            await scenario.submit()

    processor = tp.EventProcessor().on_submission_finished(note)
    processor.start()
    anyio.run(elsewhere)
    assert heard.wait(30)
    assert found == [(None, "theirs", "COMPLETED")]


def test_there_is_no_gui() -> None:
    with pytest.raises(UsageError, match="no GUI"):
        tp.EventProcessor("a gui")  # type: ignore[arg-type]  # on purpose
