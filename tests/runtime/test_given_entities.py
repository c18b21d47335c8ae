"""What verbs are given: an entity or its id, and a clear error for anything else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from asyncflow import (
    AsyncflowError,
    NotFound,
    Orchestrator,
    Scenario,
    SubmissionCanceled,
    UsageError,
)
from asyncflow.entities.reasons import Reasons
from asyncflow.stores.memory import MemoryStore
from tests.support.wrong_entities import (
    declared,
    given,
    is_optional,
    parameters,
    wrong_ones,
)

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

VERBS = [
    (name, parameter)
    for name, verb in inspect.getmembers(Orchestrator, inspect.isfunction)
    if not name.startswith("_")
    for parameter in parameters(verb)
]


async def called(verb: Any, name: str, value: object, good: object) -> Any:
    found = given(verb, name, value, good)
    return await found if inspect.isawaitable(found) else found


async def test_each_verb_says_what_it_takes() -> None:
    config, cfg = declared()
    assert len(VERBS) > 30

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        gone = await orchestrator.create_scenario(cfg)
        await orchestrator.delete(gone.id)
        silent = set()

        for name, parameter in VERBS:
            for label, value in wrong_ones(scenario, gone, cfg).items():
                verb = getattr(orchestrator, name)

                if value is None and is_optional(verb, parameter):
                    continue

                try:
                    found = await called(verb, parameter, value, scenario)
                except (AsyncflowError, TypeError):
                    continue

                if not isinstance(found, Reasons) and found != []:
                    silent.add((name, label))

        assert silent == {
            ("get", "id of a data node"),
            ("get_parents", "data node"),
            ("get_parents", "id of a data node"),
            ("subscribe_scenario", "deleted"),
            ("unsubscribe_scenario", "deleted"),
        }
        assert await orchestrator.get(scenario.id) is scenario


async def test_an_id_is_as_good_as_what_has_it() -> None:
    config, cfg = declared()

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        one = await orchestrator.create_scenario(cfg, number=1)
        two = await orchestrator.create_scenario(cfg, number=2)
        assert one.cycle is not None

        for scenario in (one, two):
            await scenario.submit()

        await orchestrator.set_primary(two.id)
        assert two.is_primary
        assert await orchestrator.get_primary(one.cycle.id) is two
        await orchestrator.set_primary(one)
        assert await orchestrator.get_primary(one.cycle) is one
        assert await orchestrator.compare(one.id, two) == {"twice": {"max": 4}}
        assert [*(await one.diff(two.id)).data_nodes] == ["number", "twice"]
        assert [*(await orchestrator.diff(one.id, two)).data_nodes] == [
            "number",
            "twice",
        ]
        cycle_id = one.cycle.id
        assert len(await orchestrator.submissions(cycle=cycle_id)) == 2
        (record, _) = await orchestrator.jobs()
        job = await orchestrator.get_job(record.id)
        await orchestrator.delete_job(job)
        assert len(await orchestrator.jobs()) == 1


async def test_only_a_job_is_deleted_as_one() -> None:
    """With the id of a cycle, or of a run, what belongs to these would be left alone."""
    config, cfg = declared()

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()
        assert scenario.cycle is not None

        for other in (scenario.cycle, scenario.cycle.id, run, run.id, scenario.id):
            with pytest.raises(TypeError, match=r"^a job is given, or its id; got "):
                await orchestrator.delete_job(other)  # type: ignore[arg-type]

            with pytest.raises(TypeError, match=r"^a job is given, or its id; got "):
                await orchestrator.delete_job(other, force=True)  # type: ignore[arg-type]

        assert await orchestrator.get(run.id) is run


async def test_an_entity_of_another_orchestrator_is_refused() -> None:
    config, cfg = declared()
    config_too, cfg_too = declared()

    async with (
        Orchestrator(config, MemoryStore()) as orchestrator,
        Orchestrator(config_too, MemoryStore()) as other,
    ):
        own = await orchestrator.create_scenario(cfg)
        stranger: Scenario = await other.create_scenario(cfg_too)
        run = await stranger.submit()

        for refused in (
            lambda: orchestrator.submit(stranger),
            lambda: orchestrator.submit(stranger.double),
            lambda: orchestrator.submit(stranger.part),
            lambda: orchestrator.cancel(run),
            lambda: orchestrator.cancel(run.jobs[0]),
            lambda: orchestrator.subscribe_scenario(print, None, stranger),
        ):
            with pytest.raises(UsageError, match="a handle of another Orchestrator"):
                refused()

        for asked in (
            orchestrator.set_primary(stranger),
            orchestrator.compare(own, stranger),
            orchestrator.diff(own, stranger),
            own.diff(stranger),
        ):
            with pytest.raises(NotFound, match=stranger.id):
                await asked

        assert await orchestrator.submissions() == []
        again = own.submit()
        orchestrator.cancel(again)

        with pytest.raises(SubmissionCanceled):
            await again


async def test_what_an_id_cannot_do_says_how_it_is_got() -> None:
    config, cfg = declared()

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()
        remedy = r"orchestrator\.get\(\.\.\.\)"

        with pytest.raises(TypeError, match=remedy):
            orchestrator.submit(scenario.id)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match=f"the id of a submission, .*{remedy}"):
            orchestrator.cancel(run.id)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match=f"the id of a scenario, .*{remedy}"):
            orchestrator.subscribe_scenario(print, None, scenario.id)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match="a scenario is given, or its id; got None"):
            await orchestrator.set_primary(None)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match="the last record of the page before"):
            await orchestrator.scenarios(after=scenario.id)  # type: ignore[arg-type]

        with pytest.raises(UsageError, match="has no tasks: give it some"):
            await scenario.add_sequence("all", None)  # type: ignore[arg-type]

        with pytest.raises(UsageError, match="is no task of scenario"):
            await scenario.add_sequence("all", [run.jobs[0]])  # type: ignore[list-item]
