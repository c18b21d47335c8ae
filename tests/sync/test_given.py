"""What blocking verbs are given: an entity or its id, and a clear error for anything else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import AsyncflowError, NotFound, NotOpen
from asyncflow.entities.reasons import Reasons
from asyncflow.stores.memory import MemoryStore
from tests.support.wrong_entities import (
    declared,
    given,
    is_optional,
    parameters,
    wrong_ones,
)

FUNCTIONS = dict(inspect.getmembers(tp, inspect.isfunction))
METHODS = dict(inspect.getmembers(tp.Orchestrator, inspect.isfunction))


def verbs(orchestrator: tp.Orchestrator) -> Iterator[tuple[Callable[..., Any], str]]:
    for name, verb in METHODS.items():
        if not name.startswith("_"):
            yield from (
                (getattr(orchestrator, name), each) for each in parameters(verb)
            )

    for verb in FUNCTIONS.values():
        yield from ((verb, each) for each in parameters(verb))


def test_each_verb_says_what_it_takes() -> None:
    config, cfg = declared()

    with tp.Orchestrator(config, MemoryStore()) as orchestrator:
        scenario, gone = tp.create_scenario(cfg), tp.create_scenario(cfg)
        tp.delete(gone.id)
        assert len([*verbs(orchestrator)]) > 60
        silent = set()

        for verb, name in verbs(orchestrator):
            for label, value in wrong_ones(scenario, gone, cfg).items():
                if value is None and is_optional(verb, name):
                    continue

                try:
                    found = given(verb, name, value, scenario)
                except (AsyncflowError, TypeError):
                    continue

                if not isinstance(found, Reasons) and found not in ([], None):
                    silent.add((verb.__name__, label))

        assert silent == {
            ("get", "id of a data node"),
            ("get_parents", "data node"),
            ("get_parents", "id of a data node"),
        }
        assert tp.get(scenario.id) == scenario


def test_nothing_is_done_to_what_is_of_another_kind() -> None:
    config, cfg = declared()

    with tp.Orchestrator(config, MemoryStore()):
        scenario: Any = tp.create_scenario(cfg)
        run: Any = tp.submit(scenario)
        node, job = scenario.number, run.jobs[0]
        calls: list[Callable[[], object]] = [
            lambda: tp.subscribe_scenario(print, None, node),
            lambda: tp.subscribe_sequence(print, None, scenario),
            lambda: tp.set_primary(scenario.cycle),
            lambda: tp.get_primary(scenario),
            lambda: tp.get_latest_job(scenario),
            lambda: tp.get_latest_submission(node),
            lambda: tp.get_scenarios(scenario),
            lambda: tp.get_jobs(task_id=scenario.id),
            lambda: tp.tag(run, "tag"),
            lambda: tp.cancel_job(run),
            lambda: tp.cancel(scenario),
            lambda: tp.delete_job(run),
            lambda: tp.delete_job(scenario.cycle.id),
            lambda: tp.duplicate_scenario(job),
            lambda: tp.compare_scenarios(scenario, node),
            lambda: tp.submit(node),
            lambda: tp.submit(node.id),
        ]

        for call in calls:
            with pytest.raises(TypeError, match=r"(is given, or its id|is submitted);"):
                call()

        assert tp.get_jobs() == [job]


def test_an_id_is_as_good_as_what_has_it() -> None:
    config, cfg = declared()

    with tp.Orchestrator(config, MemoryStore()):
        one = tp.create_scenario(cfg, number=1)
        two = tp.create_scenario(cfg, number=2)
        assert one.cycle is not None
        run: Any = tp.submit(one.id)
        tp.submit(two.part.id)
        tp.submit(two.double.id)
        assert tp.get_latest_submission(one.id) == run
        assert tp.get_latest_job(one.double.id) == run.jobs[0]
        tp.set_primary(two.id)
        assert tp.get_primary(one.cycle.id) == two
        tp.tag(one.id, "best")
        assert tp.get_scenarios(one.cycle.id, "best") == [one]
        tp.untag(one.id, "best")
        assert tp.get_scenarios(tag="best") == []
        copy = tp.duplicate_scenario(one.id, name="copy")
        assert copy.twice.read() == 2
        assert tp.compare_scenarios(one.id, two.id) == {"twice": {"max": 4}}
        assert [*one.diff(two.id).data_nodes] == ["number", "twice"]
        assert [*tp.diff_scenarios(one.id, two).data_nodes] == ["number", "twice"]
        of_one: Any = one.id
        assert tp.cancel(run.id) is False
        tp.cancel_job(run.jobs[0].id)
        statuses: list[str] = []

        def changed(scenario: tp.Scenario, job: tp.Job) -> None:
            statuses.append(str(job.status))

        tp.subscribe_scenario(changed, None, of_one)
        tp.subscribe_sequence(changed, None, two.part.id)
        tp.unsubscribe_sequence(changed, None, two.part.id)
        tp.submit(one)
        tp.stop()
        assert statuses[-1] == "COMPLETED"


def test_what_an_earlier_opening_has_made_is_got_anew() -> None:
    config, cfg = declared()

    with tp.Orchestrator(config, MemoryStore()):
        scenario = tp.create_scenario(cfg)
        run = tp.submit(scenario)

    with pytest.raises(NotOpen):
        tp.set_primary(scenario)

    with tp.Orchestrator(*declared()[:1], MemoryStore()):
        for call in (
            lambda: tp.set_primary(scenario),
            lambda: tp.submit(scenario),
            lambda: tp.cancel(run),
            lambda: tp.tag(scenario, "tag"),
        ):
            with pytest.raises(NotFound):
                call()
