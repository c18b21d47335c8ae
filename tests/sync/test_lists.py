"""The lists of what there is: handles that are brought back when more is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import (
    ConfigError,
    Configuration,
    Frequency,
    NotOpen,
    Scope,
    Status,
    UsageError,
)
from asyncflow.sync import Notifier
from asyncflow.sync import orchestrator as module
from asyncflow.sync.forwarding import Listed
from asyncflow.sync.loop import Loop
from tests.support import flows
from tests.support.flows import configuration, single


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


@pytest.fixture
def orchestrator(config: Configuration) -> Iterator[tp.Orchestrator]:
    with tp.Orchestrator(config) as orchestrator:
        yield orchestrator


def is_listed(handle: Any) -> bool:
    return isinstance(handle._held, Listed)


@pytest.mark.usefixtures("orchestrator")
def test_scenarios_are_listed_as_handles(config: Configuration) -> None:
    section = single(config, flows.double, 5)
    dates = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 3)]
    names = ("b", None, "a")
    made = [
        tp.create_scenario(section, date, name, kind="test")
        for date, name in zip(dates, names, strict=True)
    ]
    made[0].add_tag("x")

    found = tp.get_scenarios()
    assert found == made
    assert set(found) == set(made)
    assert [one.creation_date for one in found] == dates
    assert [one.name for one in found] == ["b", None, "a"]
    assert found[0].tags == {"x"}
    assert found[0].has_tag("x")
    assert found[0].properties == {"kind": "test"}
    assert repr(found[0]) == f"<Scenario {made[0].id}>"
    assert all(map(is_listed, found))

    assert tp.get_scenarios(None, "x") == made[:1]
    assert tp.get_scenarios(descending=True) == made[::-1]
    assert tp.get_scenarios(None, None, True) == [made[1], made[2], made[0]]
    by_date = tp.get_scenarios(is_sorted=True, sort_key="creation_date")
    assert by_date == made
    tagged = tp.get_scenarios(is_sorted=True, descending=True, sort_key="tags", limit=1)
    assert tagged == made[:1]
    assert tp.get_scenarios(created_start_time=dates[1]) == made[1:]
    assert tp.get_scenarios(created_end_time=dates[1], offset=0) == made[:1]
    assert tp.get_scenarios(name="a", config_id=section.id) == made[2:]

    with pytest.raises(ValueError, match="did you mean 'name'"):
        tp.get_scenarios(is_sorted=True, sort_key="names")

    # What was changed since is told.
    tp.get(made[2].id).name = "c"  # type: ignore[union-attr]  # it is a scenario
    assert is_listed(found[2])
    assert found[2].name == "c"

    # More than a list tells is asked of the handle.
    assert found[0].result.is_ready_for_reading is False
    found[0].submit().result()
    assert found[0].result.read() == made[0].result.read() == 10


@pytest.mark.usefixtures("orchestrator")
def test_runs_and_parts_are_listed_as_handles(config: Configuration) -> None:
    first = single(config, flows.double, 5)
    section = config.configure_scenario(
        "other", first.tasks, sequences={"part": first.tasks}
    )
    scenario = tp.create_scenario(section)
    submission = scenario.submit()
    again = scenario.part.submit()

    (one, other) = tp.get_submissions()
    assert [one, other] == [submission, again]
    assert one.status == "COMPLETED"
    assert one.is_finished
    assert one.submitted_at == submission.submitted_at
    assert one.finished_at == submission.finished_at
    assert is_listed(one)
    assert one.jobs == submission.jobs
    assert tp.get_latest_submission(scenario) == submission
    assert tp.get_latest_submission(scenario.part) == again
    assert tp.get_latest_submission(scenario.work) is None

    jobs = tp.get_jobs()
    assert jobs == [*submission.jobs, *again.jobs]
    assert {job.status for job in jobs} == {Status.COMPLETED}
    assert {job.config_id for job in jobs} == {"work"}
    assert all(job.is_finished for job in jobs)
    assert jobs[0].run_at == submission.jobs[0].run_at
    assert all(map(is_listed, jobs))
    assert jobs[0].task == scenario.work
    assert tp.get_latest_job(scenario.work) == again.jobs[0]
    assert tp.get_jobs(task_id="TASK_other") == []

    (task,) = tp.get_tasks()
    assert is_listed(task)
    assert (task, task.config_id) == (scenario.work, "work")
    assert task.owner_id == task.scenario_id == scenario.id
    assert is_listed(task)
    assert task.output["result"].read() == 10

    (part,) = tp.get_sequences()
    assert (part, part.name, part.owner_id) == (scenario.part, "part", scenario.id)
    assert is_listed(part)
    assert part.tasks == {"work": task}

    nodes = tp.get_data_nodes()
    assert {node.config_id for node in nodes} == {"source", "result"}
    assert all(map(is_listed, nodes))
    assert set(nodes) == set(scenario.data_nodes.values())
    assert tp.get_data_nodes(limit=1, offset=1) == nodes[1:]

    assert tp.get_entities_by_config_id("other") == [scenario]
    assert tp.get_entities_by_config_id("work") == [task]
    assert tp.get_entities_by_config_id("result") == [scenario.result]
    assert tp.get_entities_by_config_id("nothing") == []

    for entity in (scenario, task, part, nodes[0], submission, jobs[0]):
        assert tp.exists(entity.id)
        tp.set(entity)

    for unknown in ("SCENARIO_x_1", "TASK_a_SCENARIO_x_1", "JOB_a_1", "nope"):
        assert not tp.exists(unknown)
        assert unknown in tp.exists(unknown).reasons

    with pytest.raises(TypeError, match="an entity is set"):
        tp.set("scenario")  # type: ignore[arg-type]  # it is none


@pytest.mark.usefixtures("orchestrator")
def test_scenarios_are_listed_by_cycle(config: Configuration) -> None:
    work = single(config, flows.double)
    monthly = config.configure_scenario("m", work.tasks, frequency=Frequency.MONTHLY)
    loose = tp.create_scenario(work)
    one, two = (tp.create_scenario(monthly) for _ in range(2))
    (cycle,) = tp.get_cycles()
    assert cycle == one.cycle
    assert is_listed(cycle)

    assert tp.get_cycles_scenarios() == {None: [loose], cycle: [one, two]}
    assert tp.get_primary_scenarios() == [one]
    assert tp.get_scenarios(cycle) == [one, two]
    two.set_primary()
    assert tp.get_primary_scenarios(is_sorted=True) == [two]
    assert cycle.primary_id == two.id
    assert [each.is_primary for each in tp.get_scenarios(cycle)] == [False, True]


@pytest.mark.usefixtures("orchestrator")
def test_a_global_data_node_is_made_once(config: Configuration) -> None:
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=5)
    own = config.configure_data_node("own")
    node = tp.create_global_data_node(shared)
    assert (node.owner_id, node.read()) == (None, 5)
    node.write(6)
    assert tp.create_global_data_node("shared") == node == tp.get_data_nodes()[0]
    scenario = tp.create_scenario(
        config.configure_scenario("s", additional_data_node_configs=[shared, own])
    )
    assert scenario.shared.read() == 6

    with pytest.raises(UsageError, match=r"scope=Scope\.GLOBAL"):
        tp.create_global_data_node(own)

    with pytest.raises(ConfigError, match="did you mean 'shared'"):
        tp.create_global_data_node("share")


@pytest.mark.usefixtures("orchestrator")
def test_a_job_is_cancelled_by_its_id(config: Configuration) -> None:
    (job,) = tp.create_scenario(single(config, flows.double)).submit().jobs
    tp.cancel_job(job)
    tp.cancel_job(job.id)
    assert job.status == "COMPLETED"  # final is final


def test_a_verb_opens_the_default_orchestrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_running", None)
    assert tp.get_scenarios() == []
    running = module.running()
    assert running is not None
    assert running.is_running
    tp.Orchestrator().run()  # another handle on it
    assert module.running() is running
    tp.stop()

    with pytest.raises(NotOpen, match=r"call asyncflow\.sync\.Orchestrator"):
        tp.get_scenarios()


def test_many_are_cheap(orchestrator: tp.Orchestrator, config: Configuration) -> None:
    """No handle of a list asks the store, or the event loop, for what the list tells."""
    section = single(config, flows.double)
    scenarios = [tp.create_scenario(section) for _ in range(3)]
    found = tp.get_scenarios()
    calls: list[object] = []
    loop = orchestrator.loop
    patched = Loop.call

    def call(self: Loop, *args: Any, **given: Any) -> Any:
        calls.append(args)
        return patched(self, *args, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "call", call)
        assert [one.id for one in found] == [one.id for one in scenarios]
        assert {(one.name, one.config_id) for one in found} == {(None, section.id)}
        assert not calls
        assert found[0].is_primary is False
        assert len(calls) == 1

    assert loop.is_open


def test_a_task_that_scenarios_share_is_listed_once(tmp_path: Path) -> None:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=1)
    of_day = config.configure_data_node("of_day", scope=Scope.CYCLE)
    own = config.configure_data_node("own")
    first = config.configure_task("first", flows.double, shared, of_day)
    second = config.configure_task("second", flows.double, of_day, own)
    cfg = config.configure_scenario(
        "flow",
        [first, second],
        frequency=Frequency.DAILY,
        sequences={"part": [first]},
    )

    with tp.Orchestrator(config, tmp_path / "runs.db"):
        here, there = tp.create_scenario(cfg), tp.create_scenario(cfg)
        task = here.first
        assert task == there.first
        assert tp.get_tasks() == [task, here.second, there.second]
        (listed,) = tp.get_entities_by_config_id("first")
        assert is_listed(listed)
        assert here.cycle is not None
        assert listed.owner_id == here.cycle.id
        assert listed == task
        parents = {"scenario": {here, there}, "sequence": {here.part, there.part}}
        assert tp.get_parents(task) == task.get_parents() == parents
        assert tp.get_parents(task.id) == parents
        here.submit()
        there.first.submit()
        jobs = tp.get_jobs(task_id=task.id)
        assert [job.task for job in jobs] == [task, task]
        assert tp.get_latest_job(task) == jobs[1]
        assert tp.get(task.id) == task


def test_the_parents_of_what_scenarios_share_are_listed(tmp_path: Path) -> None:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=1)
    of_day = config.configure_data_node("of_day", scope=Scope.CYCLE, default_data=1)
    made, end = [config.configure_data_node(name) for name in ("made", "end")]
    one = config.configure_task("one", flows.add, [shared, of_day], made)
    two = config.configure_task("two", flows.double, made, end)
    cfg = config.configure_scenario(
        "flow",
        [one, two],
        frequency=Frequency.DAILY,
        sequences={"first": [one], "second": [two]},
    )
    config.configure_scenario("other", [two])

    with tp.Orchestrator(config, tmp_path / "runs.db"):
        here = tp.create_scenario(cfg)
        there = tp.create_scenario(cfg, datetime(2020, 1, 1, tzinfo=UTC))
        tp.create_scenario("other")
        here.add_sequence("own", [here.one])
        here.remove_sequence("first")
        assert tp.get_parents(here.shared) == {
            "scenario": {here, there},
            "task": {here.one, there.one},
            "sequence": {here.own, there.first},
        }
        assert tp.get_parents(there.of_day.id) == {
            "scenario": {there},
            "task": {there.one},
            "sequence": {there.first},
        }
        _, queue = Notifier.register("SEQUENCE", here.own.id)
        tp.delete(here.id)
        event = queue.get(timeout=20)
        assert event is not None
        assert event.operation == "DELETION"
