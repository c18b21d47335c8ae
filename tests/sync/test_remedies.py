"""Names of Taipy that are not here are answered with what does that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, Frequency
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
