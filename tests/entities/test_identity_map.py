"""The identity map: of each entity there is one object as long as anybody uses it."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from asyncflow import ids
from asyncflow.config import Configuration, ScenarioConfig, Scope
from asyncflow.entities import identity_map as identity_map_module
from asyncflow.entities.data_node import node_of
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.scenario import record_of
from asyncflow.entities.submittable import dag_of, nodes_of, tasks_of
from asyncflow.slices import SLICE
from asyncflow.status import Status, SubmissionStatus
from tests.support import flows
from tests.support.entities import identity_map, make_run, make_scenario

pytestmark = pytest.mark.anyio

AT = datetime(2026, 1, 2, tzinfo=UTC)


def declare(scope: Scope = Scope.SCENARIO, path: str | None = None) -> ScenarioConfig:
    config = Configuration()
    source = config.configure_data_node("source", scope=scope, default_path=path)
    result = config.configure_data_node("result")
    task = config.configure_task("work", flows.double, source, result)
    return config.configure_scenario("s", task, sequences={"part": task})


async def test_what_is_in_use_is_found_by_its_id() -> None:
    identities = identity_map()
    scenario = await make_scenario(declare(), identities)
    source = nodes_of(scenario)["source"]

    for entity in (scenario, source):
        assert identities.find(entity.id) is entity

    assert identities.find("SCENARIO_s_0") is None


async def test_what_nobody_uses_is_let_go() -> None:
    identities = identity_map()
    scenario = await make_scenario(declare(), identities)
    kept, gone = scenario.source, (scenario.id, scenario.result.id)
    del scenario
    gc.collect()
    assert [identities.find(one) for one in gone] == [None] * 2
    assert identities.find(kept.id) is node_of(kept)


@pytest.mark.parametrize(
    ("scope", "key"), [(Scope.CYCLE, "CYCLE"), (Scope.GLOBAL, "GLOBAL")]
)
async def test_scenarios_share_data_nodes(scope: Scope, key: str) -> None:
    identities, cfg = identity_map(), declare(scope)
    one, other = [await make_scenario(cfg, identities) for _ in range(2)]
    assert one.source is other.source
    assert one.source.id == f"DATANODE_source_{key}"
    assert one.source.owner_id is None
    assert one.result is not other.result
    assert one.result.owner_id == one.id


async def test_a_scenario_that_is_only_shown_takes_nobodys_place() -> None:
    identities, cfg = identity_map(), declare()
    scenario = await make_scenario(cfg, identities)
    shown = identities.make_scenario(cfg, record_of(scenario), is_found=False)
    assert shown is not scenario
    assert shown.source is scenario.source
    assert identities.find(scenario.id) is scenario
    identities.forget(scenario.id)
    assert scenario.work.is_deleted
    assert not shown.work.is_deleted


async def test_with_a_scenario_all_of_it_is_forgotten() -> None:
    identities, cfg = identity_map(), declare(Scope.GLOBAL)
    scenario, other = [await make_scenario(cfg, identities) for _ in range(2)]
    run = make_run(scenario, identities)
    identities.remember(run)
    assert identities.submissions() == [run]
    identities.forget(scenario.id)
    assert scenario.is_deleted
    assert scenario.work.is_deleted
    assert identities.submissions() == []
    for gone in (scenario, scenario.result, run):
        assert identities.find(gone.id) is None

    assert identities.find(scenario.source.id) is node_of(scenario.source)
    assert identities.find(other.id) is other
    assert not other.is_deleted


async def test_a_task_knows_of_the_end_of_its_scenario_that_nobody_uses() -> None:
    identities, cfg = identity_map(), declare()
    scenario = await make_scenario(cfg, identities)
    record, work = record_of(scenario), tasks_of(scenario)["work"]
    del scenario
    gc.collect()
    assert identities.find(record.id) is None
    again = identities.make_scenario(cfg, record)
    identities.forget(record.id)
    assert work.is_deleted
    assert again.work.is_deleted
    assert not identities.make_scenario(cfg, record).work.is_deleted  # brought back


async def test_a_run_is_forgotten_alone() -> None:
    identities = identity_map()
    scenario = await make_scenario(declare(), identities)
    run = make_run(scenario, identities)
    identities.remember(run)
    identities.forget(run.id)
    assert identities.find(run.id) is None
    assert identities.find(scenario.id) is scenario
    assert not scenario.is_deleted


async def test_a_run_is_made_anew_of_what_a_store_has() -> None:
    identities = identity_map()
    scenario = await make_scenario(declare(), identities)
    options = {"priority": 2.0, "force": True, "on_failure": "stop", "run_timeout": 5.0}
    run = make_run(scenario, identities, "f00", **options)
    assert identities.find(run.id) is None
    made = identities.make_submission(scenario, dag_of(scenario), run.record())
    assert identities.find(run.id) is made
    assert {name: getattr(made.options, name) for name in options} == options
    assert (made.key, made.submitted) == ("f00", run.submitted)
    assert made.status is SubmissionStatus.SUBMITTED
    assert made.table.counts() == {Status.SUBMITTED: 1}


async def test_a_new_scenario_has_the_properties_of_its_config() -> None:
    config = Configuration()
    cfg = config.configure_scenario("s", unit="kg", owner="ann")
    identities = identity_map()
    await identities.prepare(cfg)
    scenario = await identities.new_scenario(cfg, AT, "mine", {"owner": "bob"})
    assert scenario.properties == {"unit": "kg", "owner": "bob"}
    assert (scenario.name, scenario.creation_date) == ("mine", AT)
    assert ids.key_of(scenario.id)


async def test_a_large_scenario_is_made_in_turns_and_without_the_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = Configuration()
    cfg = flows.fan(config, flows.double, 3 * SLICE)
    identities, seen = identity_map(), list[bool]()
    monkeypatch.setattr(identity_map_module, "LARGE", 3 * SLICE)

    async def look() -> None:
        while True:
            await checkpoint()
            seen.append(gc.isenabled())

    await identities.prepare(cfg)

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        scenario = await identities.new_scenario(cfg, None, None, {})
        group.cancel_scope.cancel()

    assert seen[:5] == [False] * 5
    assert gc.isenabled()
    assert len(tasks_of(scenario)) == 3 * SLICE
    assert identities.find(scenario.id) is scenario


async def test_a_cancel_leaves_nothing_of_a_large_scenario() -> None:
    cfg = flows.fan(Configuration(), flows.double, 3 * SLICE)
    identities = identity_map()
    await identities.prepare(cfg)

    with anyio.CancelScope() as scope:
        scope.cancel()
        await identities.new_scenario(cfg, None, None, {})

    assert scope.cancelled_caught
    gc.collect()
    assert not len([*identities._in_use])


def directory_of(identities: IdentityMap, path: str | None) -> str | None:
    (config, *_) = declare(path=path).data_node_configs
    return identities.node(config, "s", "1").directory


def test_where_a_relative_path_begins_is_known(tmp_path: Path) -> None:
    assert directory_of(identity_map(tmp_path), "a.p") == "."
    assert directory_of(identity_map(tmp_path), str(tmp_path / "a.p")) is None
    assert directory_of(identity_map(tmp_path), None) is None


async def test_a_file_stays_where_it_was_for_who_works_elsewhere(
    tmp_path: Path,
) -> None:
    identities = identity_map(tmp_path)
    scenario = await make_scenario(declare(path="a.p"), identities)
    node = node_of(scenario.source)
    here = node.driver.place
    identities.take(node, node.record()._replace(editor_id="ann"))
    assert node.is_locked
    assert node.driver.place == here

    identities.take(node, node.record()._replace(directory="../other"))
    assert node.driver.place != here
    assert str(node.driver.place).endswith("/other/a.p")
    assert node.record().directory == "../other"

    own = node_of(scenario.result)
    identities.take(own, own.record()._replace(directory="../other"))
    assert own.directory is None
