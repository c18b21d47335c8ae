"""Names of Taipy that are not here are answered with what does that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, Frequency, UsageError
from tests.support import flows
from tests.support.taipy_names import names

OF_THE_GUI = {"MongoDefaultDocument", "broadcast_on_event"}


def test_what_was_decided_otherwise_is_said_by_what_lacks_it(tmp_path: Path) -> None:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    source = config.configure_data_node("source", default_data=1)
    task = config.configure_task("work", flows.double, source)
    cfg = config.configure_scenario(
        "flow", task, frequency=Frequency.DAILY, sequences={"part": task}
    )

    with tp.Orchestrator(config, tmp_path / "runs.db"):
        scenario = tp.create_scenario(cfg)
        owners: dict[str, Any] = {
            "tp": tp,
            "notification": tp,
            "Scenario": scenario,
            "Sequence": scenario.part,
            "DataNode": scenario.source,
            "Job": scenario.submit().jobs[0],
            "Cycle": scenario.cycle,
        }
        asked = [
            one
            for one in names()
            if one.verdict == "otherwise"
            and one.group in owners
            and one.name not in OF_THE_GUI
        ]
        assert len(asked) >= 10

        for one in asked:
            with pytest.raises(AttributeError, match=f"{one.name}'.*: .*") as raised:
                getattr(owners[one.group], one.name)

            said = str(raised.value)
            assert "did you mean" not in said, said
            assert "await " not in said, said


SETTABLE = {
    "Scenario": {"name", "tags"},
    "DataNode": {"name", "path", "validity_period"},
    "Cycle": {"name"},
    "Orchestrator": {"max_nb_of_workers"},
}
"""What blocking handles can be set: nonsense is refused, with another error."""

REFUSED = AttributeError, TypeError, ValueError, UsageError


def test_nothing_is_set_in_silence(tmp_path: Path) -> None:
    """Every public name of every handle and section, on both faces."""
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    source = config.configure_data_node("source", default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task("work", flows.double, source, result)
    cfg = config.configure_scenario(
        "flow", task, frequency=Frequency.DAILY, sequences={"part": task}
    )

    with tp.Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = tp.create_scenario(cfg)
        run = scenario.submit()
        handles: list[Any] = [scenario, scenario.part, scenario.work, scenario.source]
        handles += [run, run.jobs[0], scenario.cycle]
        sections: list[Any] = [cfg, task, source, config.job_config, config.core]
        inner = [handle._inner for handle in handles]
        assert orchestrator._loop is not None
        owners = [orchestrator, orchestrator._loop.orchestrator]

        for it in (*handles, *inner, *sections, config.global_config, *owners, config):
            kind = type(it).__name__
            names = [name for name in dir(it) if not name.startswith("_")]

            if it is config:  # methods may be replaced
                names = [name for name in names if not callable(getattr(it, name))]
                names.remove("migrations")

            for name in (*names, "nonsense"):
                with pytest.raises(REFUSED) as raised:
                    setattr(it, name, object())

                if raised.type is not AttributeError:
                    assert it in owners or name in SETTABLE[kind], (kind, name)

                said = str(raised.value)
                known = "not set" in said or name in ("tags", "max_nb_of_workers")
                assert name in said or known, said
                assert "can't set attribute" not in said, (kind, name)


def test_what_cannot_be_set_names_what_declares_it() -> None:
    config: Any = Configuration()
    source: Any = config.configure_data_node("source")

    with pytest.raises(AttributeError, match=r"configure_job_executions\(mode=\.\.\."):
        config.job_config.mode = "standalone"

    with pytest.raises(AttributeError, match=r"configure_core\(version_number=\.\.\."):
        config.version_number = "1"

    with pytest.raises(AttributeError, match="did you mean 'job_config'"):
        config.job_confg = None

    with pytest.raises(
        AttributeError, match=r"configure_data_node\('source', \.\.\., scope=\.\.\."
    ):
        source.scope = "GLOBAL"
