"""What blocking handles tell of themselves, as scripts for Taipy ask for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, DataNodeIsBeingEdited, Scope, UsageError
from tests.support import flows
from tests.support.flows import configuration, single


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


def declared(config: Configuration, *others: Any) -> Any:
    first = config.configure_data_node("first", default_data=1, unit="EUR")
    middle = config.configure_data_node("middle", scope=Scope.GLOBAL)
    last = config.configure_data_node("last")
    tasks = [
        config.configure_task("one", flows.double, first, middle, owner="bob"),
        config.configure_task("two", flows.double, middle, last),
    ]
    return config.configure_scenario(
        "s", tasks, list(others), sequences={"part": tasks[0]}
    )


def test_jobs_and_submissions(config: Configuration) -> None:
    with tp.Orchestrator(config):
        scenario = tp.create_scenario(declared(config))
        submission = scenario.submit(force=True)
        one, two = submission.jobs
        assert one.is_finished()
        assert one.is_finished
        assert repr(one.is_finished) == "True"
        assert one.is_completed()
        states = (one.is_submitted, one.is_blocked, one.is_pending, one.is_running)
        ends = (one.is_canceled, one.is_failed, one.is_skipped, one.is_abandoned)
        assert not any(ask() for ask in (*states, *ends))
        assert one.creation_date == one.submitted_at == submission.creation_date
        assert (one.submit_id, one.submit_entity_id) == (submission.id, scenario.id)
        assert one.submit_entity == submission.entity == scenario
        assert (one.owner_id, one.force) == (scenario.one.id, True)
        assert scenario.one in one
        assert scenario.two not in one

        for job in one, two:
            assert job.pending_duration is not None
            assert job.blocked_duration is not None
            assert job.execution_duration is not None
            assert job.pending_duration >= 0
            assert job.blocked_duration >= 0

        assert two.blocked_duration >= one.blocked_duration  # type: ignore[operator]  # it has waited

        assert submission.submission_status == "COMPLETED"
        assert submission.is_completed
        assert submission.is_finished()
        assert not submission.is_canceled
        assert not submission.is_abandoned
        assert submission.run_at == one.run_at
        assert submission.execution_duration is not None
        assert submission.entity_type == "SCENARIO"
        assert submission.entity_config_id == "s"
        of_part = scenario.part.submit()
        assert (of_part.entity_type, of_part.entity_config_id) == ("SEQUENCE", None)
        assert sorted([of_part, submission]) == [submission, of_part]
        assert min([*of_part.jobs, one]) == one


def test_parts_of_scenarios(config: Configuration) -> None:
    with tp.Orchestrator(config):
        scenario = tp.create_scenario(declared(config))
        assert scenario.owner_id is None
        part, task = scenario.part, scenario.one
        assert (part.one, part.first) == (task, scenario.first)
        assert (task.first, task.middle) == (scenario.first, scenario.middle)
        assert (task.scope, scenario.two.scope) == (Scope.SCENARIO, Scope.SCENARIO)
        assert task.properties == {"owner": "bob"}
        assert scenario.first.properties == {"unit": "EUR"}

        with pytest.raises(AttributeError, match="'las'"):
            _ = task.las

        assert scenario.get_inputs() == {scenario.first}
        assert scenario.get_outputs() == {scenario.last}
        assert scenario.get_intermediate() == {scenario.middle}
        assert (part.get_inputs(), part.get_outputs()) == (
            {scenario.first},
            {scenario.middle},
        )
        assert scenario.is_ready_to_run()
        assert not scenario.two.is_ready_to_run()
        scenario.first.lock_edit()
        assert scenario.data_nodes_being_edited() == {scenario.first}
        assert not scenario.is_ready_to_run()
        scenario.first.write(2)  # who says nothing has the lock of all who say nothing

        with pytest.raises(DataNodeIsBeingEdited):
            scenario.first.write(3, editor_id="ann")

        scenario.first.unlock_edit()
        assert scenario.data_nodes_being_edited() == set()


def test_edits_and_rows(config: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    table_config = config.configure_csv_data_node("table", str(file))
    section = declared(config, table_config)

    with tp.Orchestrator(config):
        scenario = tp.create_scenario(section)
        last, table = scenario.last, scenario.table
        assert last.get_last_edit() is None
        assert last.edits == last.edits() == ()
        assert last.is_generated
        assert not table.is_generated

        assert not last.is_up_to_date
        submission = scenario.submit()
        assert last.is_up_to_date()
        assert scenario.middle.is_up_to_date
        (edit,) = last.edits
        assert edit["version"] == edit.version
        assert last.job_ids == [submission.jobs[1].id] == [edit["job_id"]]
        assert (edit["timestamp"], edit.get("editor")) == (edit.at, None)
        assert edit.get("nothing", 5) == 5
        assert "job_id" in edit
        assert "comment" not in edit
        assert {*dict(edit)} == {"timestamp", "version", "job_id", "is_kept"}

        with pytest.raises(KeyError, match="nothing"):
            edit["nothing"]

        last.write([1, 2, 3], comment="by hand", bank="A")
        assert (last[0], last[1:]) == (1, [2, 3])
        assert "bank" in last.edits[-1]
        assert "job_id" not in last.edits[-1]
        assert dict(last.edits[-1])["bank"] == "A"
        assert last.edits[-1]["comment"] == "by hand"

        scenario.middle.write(5)
        last.write(1)
        assert last.is_up_to_date
        scenario.middle.write(6)
        assert scenario.middle.is_up_to_date  # what is not shared does not count
        assert not last.is_up_to_date

        file.write_text("a,b\n1,2\n3,4\n")
        table.track_edit(editor_id="ann", comment="from the bank")
        known = table.get_last_edit()
        assert known is not None
        assert (known.editor_id, known.comment) == ("ann", "from the bank")
        assert list(table["a"]) == [1, 3]
        assert list(table[0]) == [1, 2]
        assert len(table[table["a"] > 1]) == len(table[1:]) == 1

        with pytest.raises(UsageError, match=r"write\(\)"):
            last.track_edit()


def test_a_sequence_can_be_subscribed_to(config: Configuration) -> None:
    seen: list[tuple[Any, ...]] = []
    done = threading.Event()

    def note(*given: Any) -> None:
        seen.append(given)

        if given[-1].is_finished:
            done.set()

    with tp.Orchestrator(config):
        scenario = tp.create_scenario(declared(config))
        tp.subscribe_sequence(note, ["x"])
        scenario.submit()
        assert not seen
        submission = scenario.part.submit()
        assert done.wait(20)
        assert seen[-1][:2] == ("x", scenario.part)
        assert {given[-1].id for given in seen} == {submission.jobs[0].id}
        tp.unsubscribe_sequence(note, ["x"], scenario.part)

        with pytest.raises(ValueError, match="is not subscribed to"):
            scenario.part.unsubscribe(note)


def test_services_run_and_start_again(config: Configuration) -> None:
    first, second = tp.Orchestrator(config), tp.Orchestrator(config)

    try:
        tp.run(first)
        scenario = tp.create_scenario(declared(config))
        second.run(force_restart=True)
        assert not first.is_running
        assert second.is_running
        assert not tp.exists(scenario.id)  # the store was in memory
    finally:
        tp.stop()


def test_labels_and_parents(config: Configuration) -> None:
    section = single(config, flows.double, 5)

    with tp.Orchestrator(config):
        scenario = tp.create_scenario(section, name="A")
        task = next(iter(scenario.tasks.values()))
        assert scenario.get_label() == scenario.get_simple_label() == "A"
        assert task.get_label() == f"A > {task.config_id}"
        assert scenario.source.get_label() == "A > source"
        assert scenario.owner_id is None
        assert tp.get_parents(task.id) == task.get_parents() == {"scenario": {scenario}}
        assert scenario.source.get_parents() == {"scenario": {scenario}, "task": {task}}
        assert scenario.source.parent_ids == {scenario.id, task.id}
