"""What can be submitted, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.entities.submittable import verbs_of
from asyncflow.errors import NotOpen
from tests.support.entities import identity_map, make_scenario
from tests.support.flows import configuration

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.fixture
def config() -> Configuration:
    return configuration()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("time_out", "did you mean 'timeout'"),
        ("forced", "did you mean 'force'"),
        ("on_fail", "did you mean 'on_failure'"),
        ("my_inptu", "did you mean 'my_input'"),
        ("wait", "no option wait"),
    ],
)
async def test_no_property_of_a_run_looks_like_an_option(
    config: Configuration, name: str, meant: str
) -> None:
    node = config.configure_data_node("my_input", default_data=1)
    task = config.configure_task("t", str, node)
    cfg = config.configure_scenario("s", task)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        options: dict[str, Any] = {name: 1}

        for entity in (scenario, scenario.t):
            with pytest.raises(TypeError, match=meant):
                entity.submit(**options)

        submission = await scenario.submit(owner="ann")
        assert submission.properties == {"owner": "ann"}


async def test_a_run_has_the_options_that_it_was_submitted_with(
    config: Configuration,
) -> None:
    task = config.configure_task("t", dict)
    cfg = config.configure_scenario("s", task, sequences={"part": task})

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        options: dict[str, Any] = {
            "timeout": 20.0,
            "run_timeout": 10.0,
            "priority": 2.5,
            "force": True,
            "on_failure": "stop",
        }

        for entity in (scenario, scenario.part, scenario.t):
            run = await entity.submit(**options, owner="ann")
            assert {name: getattr(run, name) for name in options} == options
            assert run.properties == {"owner": "ann"}
            assert run.entity is entity

        plain = await scenario.submit()
        assert (plain.timeout, plain.run_timeout, plain.priority) == (None, None, 0.0)
        assert (plain.force, plain.on_failure) == (False, "continue")


async def test_what_belongs_to_a_closed_orchestrator_says_so() -> None:
    config = Configuration()
    cfg = config.configure_scenario("s", config.configure_task("t", dict))
    scenario = await make_scenario(cfg)

    for entity in (scenario, scenario.t):
        for verb in (entity.submit, entity.plan):
            with pytest.raises(NotOpen, match="use `async with"):
                verb()


async def test_all_parts_of_a_scenario_ask_the_same() -> None:
    config = Configuration()
    task = config.configure_task("t", dict)
    cfg = config.configure_scenario("s", task, sequences={"part": task})
    identities = identity_map()
    scenario = await make_scenario(cfg, identities)
    for entity in (scenario, scenario.t, scenario.part):
        assert verbs_of(entity) is identities.verbs
