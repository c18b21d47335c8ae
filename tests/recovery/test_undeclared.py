"""Configs of what a program does not declare: they can be read, and not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import (
    Configuration,
    DataNodeReadingError,
    DataNodeWritingError,
    NotDeclared,
    Orchestrator,
)
from asyncflow.config.dag import Dag
from asyncflow.config.sections import Scope
from asyncflow.recovery.undeclared import (
    UndeclaredScenario,
    scenario_config,
)
from tests.support import flows

WHY = "which this program does not declare"
NEWER = json.dumps([["load", ["place"], ["rows"]], ["sum", ["rows"], ["total"]]])
OLDER = json.dumps([["load", [], ["rows"]], ["gone", ["rows"], []]])


@pytest.fixture
def cfg() -> UndeclaredScenario:
    return scenario_config(
        "SCENARIO_c_1",
        "c",
        WHY,
        scopes=dict.fromkeys(["rows", "total", "spare"], Scope.SCENARIO),
        graphs=[NEWER, OLDER],
    )


def test_tasks_are_as_the_newest_run_had_them(cfg: UndeclaredScenario) -> None:
    tasks = {
        task.id: (
            [node.id for node in task.input],
            [node.id for node in task.output],
        )
        for task in cfg.task_configs
    }
    assert tasks == {
        "load": (["place"], ["rows"]),
        "sum": (["rows"], ["total"]),
        "gone": (["rows"], []),
    }


def test_a_data_node_that_is_not_its_own_is_shared(cfg: UndeclaredScenario) -> None:
    scopes = {node.id: node.scope for node in cfg.additional_data_node_configs}
    assert scopes == {
        "rows": Scope.SCENARIO,
        "total": Scope.SCENARIO,
        "spare": Scope.SCENARIO,
        "place": Scope.GLOBAL,
    }


def test_its_tasks_do_not_run(cfg: UndeclaredScenario) -> None:
    dag = Dag.of(cfg.task_configs)
    assert not dag.is_declared

    with pytest.raises(NotDeclared, match=f"SCENARIO_c_1 .* 'c', {WHY}"):
        dag.check_declared()

    with pytest.raises(NotDeclared):
        cfg.task_configs[0].function(1, 2)


def test_what_is_declared_runs(config: Configuration) -> None:
    dag = Dag.of(flows.single(config, flows.double).task_configs)
    assert dag.is_declared
    dag.check_declared()


# ------------------------------------------------------------------------------ values


KINDS: dict[str, tuple[str, object]] = {
    "pickle": ("small", {1, 2}),
    "large": ("pickle", bytes(100_000)),
    "json": ("json", {"a": [1]}),
    "large_json": ("json", ["text"] * 30_000),
    "csv": ("csv", [{"a": 1}, {"a": 2}]),
    "parquet": ("parquet", [{"a": 1}, {"a": 2}]),
    "excel": ("excel", [{"a": 1}, {"a": 2}]),
}


def give(_: object) -> tuple[object, ...]:
    return tuple(value for _, value in KINDS.values())


def as_rows(value: Any) -> Any:
    if isinstance(value, dict) and "Sheet1" in value:
        value = value["Sheet1"]

    return value.to_dict("records") if hasattr(value, "to_dict") else value


@pytest.fixture
async def made(tmp_path: Path) -> str:
    """Return the id of a scenario that has run."""
    config = flows.configuration(workers=1)
    source = config.configure_data_node("source", default_data=0)
    more: list[dict[str, Any]] = [{}, {"exposed_type": "list[dict]"}]
    outputs = [
        config.configure_data_node(
            name,
            "pickle" if kind == "small" else kind,
            **more[name in {"csv", "parquet", "excel"}],
        )
        for name, (kind, _) in KINDS.items()
    ]
    task = config.configure_task("give", give, source, outputs)
    place = str(tmp_path / "theirs.csv")
    theirs = config.configure_data_node("theirs", "csv", default_path=place)
    write = config.configure_task("write", lambda _: [{"a": 1}], source, theirs)
    cfg = config.configure_scenario("kinds", [task, write])

    async with Orchestrator(config, tmp_path / "kinds.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        assert [job.error() for job in submission.jobs] == [None, None]

    return scenario.id


@pytest.mark.anyio
async def test_values_of_each_form_are_read_without_their_declaration(
    made: str, tmp_path: Path
) -> None:
    async with Orchestrator(Configuration(), tmp_path / "kinds.db") as orchestrator:
        scenario = await orchestrator.get_scenario(made)

        for name, (_, value) in KINDS.items():
            node = scenario.data_nodes[name]
            assert node.storage_type == "undeclared"
            assert as_rows(await node.read()) == value
            assert (await node.preview(1)).kind

        rows = await scenario.data_nodes["csv"].read(columns=["a"], where=("a", 2))
        assert as_rows(rows) == [{"a": 2}]
        copied = await scenario.data_nodes["parquet"].download(
            tmp_path / "copy.parquet"
        )
        assert await anyio.Path(copied).read_bytes()


@pytest.mark.anyio
async def test_what_only_a_declaration_tells_is_refused(
    made: str, tmp_path: Path
) -> None:
    async with Orchestrator(Configuration(), tmp_path / "kinds.db") as orchestrator:
        scenario = await orchestrator.get_scenario(made)
        remedy = "import the module that declares it, or load its TOML file, before"

        with pytest.raises(
            DataNodeReadingError, match=f"'theirs' cannot be .*{remedy}"
        ):
            await scenario.data_nodes["theirs"].read()

        with pytest.raises(DataNodeWritingError, match=f"json cannot be .*{remedy}"):
            await scenario.data_nodes["json"].write({})

        assert await scenario.data_nodes["json"].read() == {"a": [1]}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "kind"),
    [("json", "pickle"), ("csv", "pickle"), ("csv", "json"), ("json", "parquet")],
)
async def test_a_value_of_another_storage_type_is_not_called_damaged_alone(
    made: str, tmp_path: Path, name: str, kind: str
) -> None:
    config = flows.configuration()
    node = config.configure_data_node(name, kind)
    config.configure_scenario("kinds", additional_data_node_configs=[node])

    async with Orchestrator(config, tmp_path / "kinds.db") as orchestrator:
        scenario = await orchestrator.get_scenario(made)

        with pytest.raises(DataNodeReadingError, match=f"data node '{name}'"):
            await scenario.data_nodes[name].read()
