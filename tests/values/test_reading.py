"""Which runs read what is there of a data node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asyncflow import Configuration
from asyncflow.entities.submittable import nodes_of
from asyncflow.records import SubmissionRecord
from asyncflow.runs.node import Version
from asyncflow.values.reading import readers
from tests.support.entities import make_scenario
from tests.support.records import submission_record

READS: Any = [["t", ["a"], ["b"]]]
WRITES: Any = [["s", [], ["a"]]]


def run(number: int, graph: Any, owner: str = "o") -> SubmissionRecord:
    text = json.dumps(graph)
    return submission_record(number, graph=text, orchestrator_id=owner)


@pytest.mark.anyio
async def test_a_run_reads_what_is_there_unless_another_is_to_write_it() -> None:
    config = Configuration()
    node = config.configure_data_node("a", default_data=1)
    task = config.configure_task("t", abs, node, config.configure_data_node("b"))
    scenario = await make_scenario(config.configure_scenario("flow", task))
    state = nodes_of(scenario)["a"]

    runs = [
        run(1, READS),
        run(2, [["u", ["c"], ["d"]]]),
        run(3, WRITES),
        run(4, READS),
        run(5, READS, "elsewhere"),
        run(6, READS + WRITES),
    ]
    told = readers(state, runs)
    assert [*told] == [one.id for one in runs]
    assert [*told.values()] == [True, False, False, False, True, False]

    state.version = Version(1, b"", runs[2].id)
    assert readers(state, runs[:5])[runs[3].id]
