"""Queues of what happens to entities, as Taipy's scripts have them."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, Status, SubmissionStatus, UsageError
from tests.support.flows import configuration, double

CREATION, UPDATE = tp.EventOperation.CREATION, tp.EventOperation.UPDATE


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


def taken(queue: SimpleQueue[tp.Event | None]) -> list[tp.Event]:
    """Return what a queue has, up to its end."""
    return [*iter(lambda: queue.get(timeout=20), None)]


def test_each_queue_has_the_events_of_its_topic(
    config: Configuration, tmp_path: Path
) -> None:
    source = config.configure_data_node("source", default_data=5)
    task = config.configure_task(
        "work", double, source, config.configure_data_node("x")
    )
    cfg = config.configure_scenario("s", task)

    with tp.Orchestrator(config, str(tmp_path / "a.db")):
        register = tp.Notifier.register
        _, all_of = register()
        _, scenarios = register(tp.EventEntityType.SCENARIO)
        _, status = register("JOB", operation="UPDATE", attribute_name="status")
        _, runs = register(tp.EventEntityType.SUBMISSION, None, UPDATE)
        scenario = tp.create_scenario(cfg)
        _, own = register(entity_id=scenario.id)
        key, none = register(tp.EventEntityType.DATA_NODE)
        tp.Notifier.unregister(key)
        scenario.name = "n"
        submission = scenario.submit()
        tp.delete(scenario.id)

    assert [one.operation for one in taken(scenarios)] == [
        CREATION,
        UPDATE,
        tp.EventOperation.SUBMISSION,
        tp.EventOperation.DELETION,
    ]
    jobs = taken(status)
    assert [one.attribute_value for one in jobs] == [
        Status.PENDING,
        Status.RUNNING,
        Status.COMPLETED,
    ]
    assert {one.metadata["config_id"] for one in jobs} == {"work"}
    (run,) = taken(runs)
    assert (run.entity_id, run.attribute_name) == (submission.id, "submission_status")
    assert run.attribute_value is SubmissionStatus.COMPLETED
    assert [one.attribute_name for one in taken(own)] == ["name", None, None]
    assert taken(none) == []
    kinds = {(one.entity_type, one.operation) for one in taken(all_of)}
    assert len({kind for kind, _ in kinds}) == 5  # no cycle, no sequence
    assert ("DATA_NODE", CREATION) in kinds


def test_what_cannot_be_is_refused() -> None:
    register = tp.Notifier.register

    with pytest.raises(UsageError, match="a JOB is not submitted"):
        register(tp.EventEntityType.JOB, operation=tp.EventOperation.SUBMISSION)

    with pytest.raises(UsageError, match="CREATION is of no attribute"):
        register("SCENARIO", operation="CREATION", attribute_name="name")

    with pytest.raises(ValueError, match="'PIPELINE'"):
        register("PIPELINE")

    with pytest.raises(ValueError, match="no id that register"):
        tp.Notifier.unregister("?")
