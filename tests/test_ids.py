"""Ids are made and parsed in one place."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import asyncflow
from asyncflow import Configuration, Orchestrator, ids
from tests.support import flows
from tests.support.sources import parsed

PACKAGE = Path(asyncflow.__file__).parent
KEY = ids.new_key()

NAMES = st.one_of(
    st.from_regex(r"[a-z][A-Za-z0-9_]{0,20}", fullmatch=True),
    st.sampled_from(
        ["a_SCENARIO_b", "SCENARIO", "x_", "JOB_x", "a__b", "TASK_SCENARIO"]
    ),
)


@given(NAMES, NAMES)
def test_ids_are_read_as_they_were_made(config_id: str, name: str) -> None:
    scenario_id = ids.of_scenario(config_id, KEY)
    assert ids.kind_of(scenario_id) == ids.SCENARIO
    assert ids.key_of(scenario_id) == KEY
    assert ids.config_of(scenario_id) == config_id

    sequence_id = ids.of_sequence(name, scenario_id)
    assert ids.kind_of(sequence_id) == ids.SEQUENCE
    assert scenario_id in set(ids.scenarios_of(sequence_id))
    assert ids.name_of(sequence_id, scenario_id) == name
    assert scenario_id in set(ids.scenarios_of(ids.of_task(name, scenario_id)))

    job_id = ids.of_job(name, KEY)
    assert ids.kind_of(job_id) == ids.JOB
    assert ids.config_of(job_id) == name
    assert ids.submission_of(job_id) == ids.of_submission(KEY)

    node_id = ids.of_node(name, "GLOBAL")
    assert ids.kind_of(node_id) == ids.DATA_NODE
    assert ids.config_of(node_id) == name
    assert ids.is_shared(node_id)
    assert not ids.is_shared(ids.of_node(name, KEY))


def test_a_strange_text_is_no_id() -> None:
    for text in ("", "SCENARIO", "_", "_SCENARIO_", "TASK_x", "\0"):
        assert ids.kind_of(text) in ("", "SCENARIO", "TASK", "\0")
        assert list(ids.scenarios_of(text)) == []


@pytest.mark.anyio
async def test_parts_are_found_whatever_their_names(
    config: Configuration, path: str
) -> None:
    node = config.configure_data_node("n", default_data=1)
    task = config.configure_task("x_SCENARIO_y", flows.double, node)
    parts = {"p_SCENARIO_q": [task]}
    cfg = config.configure_scenario("z_SCENARIO_w", task, sequences=parts)

    async with Orchestrator(config, path) as orchestrator:
        made = await orchestrator.create_scenario(cfg)

    async with Orchestrator(config, path) as orchestrator:
        for part in (*made.tasks.values(), *made.sequences.values()):
            found = await orchestrator.get(part.id)
            assert found.id == part.id


def test_nobody_else_makes_or_parses_an_id() -> None:
    kinds = (ids.SCENARIO, ids.SEQUENCE, ids.TASK, ids.DATA_NODE, ids.SUBMISSION)
    made = re.compile(rf"_?({'|'.join((*kinds, ids.JOB, ids.ORCHESTRATOR))})_")
    found = []

    for file in PACKAGE.rglob("*.py"):
        if file.name == "ids.py":
            continue

        for node in ast.walk(parsed(file.read_bytes())):
            match node:
                case ast.Constant(value=str(text)) if made.fullmatch(text):
                    found.append(f"{file.relative_to(PACKAGE)}:{node.lineno}")

    assert found == []


def test_what_a_cycle_shares() -> None:
    cycle = ids.of_cycle("DAILY", datetime(2026, 5, 1, 22, tzinfo=UTC))
    assert cycle == "CYCLE_DAILY_2026-05-01T22:00:00Z"
    assert ids.kind_of(cycle) == ids.CYCLE

    for config_id in ("a", "a_CYCLE_b", "a_GLOBAL"):
        node = ids.of_node(config_id, cycle)
        assert ids.is_shared(node)
        assert ids.config_of(node) == config_id
        assert ids.config_of(ids.of_node(config_id, "GLOBAL")) == config_id
        assert ids.is_shared(ids.of_node(config_id, "GLOBAL"))
        assert not ids.is_shared(ids.of_node(config_id, ids.new_key()))
