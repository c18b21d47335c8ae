"""Versions of an application: labels that are stamped, listed, compared and cleaned."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import (
    ConfigError,
    Configuration,
    Frequency,
    MigrationFailed,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    UsageError,
)
from tests.support import flows

pytestmark = pytest.mark.anyio


def declared(
    mode: str | None = None, version: str | None = None, **options: Any
) -> tuple[Configuration, ScenarioConfig]:
    """Declare two nodes and a task.

    :param options: what is to be otherwise
    """
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    force = options.pop("force", False)
    config.configure_core(mode=mode, version_number=version, force=force)
    given = {"storage_type": "pickle", "scope": Scope.SCENARIO, "default_data": b"x"}
    source = config.configure_data_node("source", **{**given, **options})
    result = config.configure_data_node("result")
    task = config.configure_task("double", flows.double, source, result)
    return config, config.configure_scenario("flow", task, frequency=Frequency.DAILY)


@pytest.mark.parametrize("kind", ["file", ":memory:"])
async def test_all_that_belongs_to_a_scenario_has_its_version(
    path: str, kind: str
) -> None:
    config, cfg = declared()
    tasks = cfg.task_configs
    config.configure_scenario("other", tasks, sequences={"all": tasks})
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=1)
    store: Any = path if kind == "file" else kind
    found: dict[str, set[str]] = {}

    async def lists(orchestrator: Orchestrator, **given: Any) -> dict[str, set[str]]:
        listed: dict[str, list[Any]] = {
            "data_nodes": await orchestrator.data_nodes(**given),
            "submissions": await orchestrator.submissions(**given),
            "jobs": await orchestrator.jobs(**given),
        }
        return {kind: {one.id for one in some} for kind, some in listed.items()}

    async def made(orchestrator: Orchestrator) -> None:
        scenario = await orchestrator.create_scenario("other")
        await orchestrator.create_global_data_node(shared)
        submission = await scenario.submit()
        (job,) = submission.jobs
        label = orchestrator.version
        parts = (scenario.all, scenario.double, scenario.source, submission, job)
        assert {part.version for part in parts} == {label}
        assert (await orchestrator.get(shared_id)).version is None  # type: ignore[union-attr]
        found[str(label)] = {submission.id, job.id, scenario.source.id}

    shared_id = "DATANODE_shared_GLOBAL"

    if kind == ":memory:":  # it ends with its orchestrator
        async with Orchestrator(config, store, version="1.0") as orchestrator:
            await made(orchestrator)
            listed = await lists(orchestrator)
            assert found["1.0"] <= set().union(*listed.values())
            assert not any((await lists(orchestrator, version="2.0")).values()) or (
                (await lists(orchestrator, version="2.0"))["data_nodes"] == {shared_id}
            )

        return

    for label in ("1.0", "2.0", None):
        async with Orchestrator(config, store, version=label) as orchestrator:
            await made(orchestrator)
            listed = await lists(orchestrator)
            everything = set().union(*listed.values())
            assert found[str(label)] <= everything
            assert shared_id in listed["data_nodes"]

            if label == "2.0":
                assert found["1.0"].isdisjoint(everything)
                everything = set().union(
                    *(await lists(orchestrator, version=None)).values()
                )
                assert found["1.0"] <= everything
                old = await lists(orchestrator, version="1.0")
                assert found["2.0"].isdisjoint(set().union(*old.values()))
                names = [one.name for one in await orchestrator.versions()]
                assert names == ["1.0", "2.0"]
                assert (await orchestrator.versions())[0].creation_date < (
                    (await orchestrator.versions())[1].creation_date
                )


@pytest.mark.parametrize("kind", ["file", ":memory:"])
async def test_scenarios_have_a_version_and_lists_show_those(
    path: str, kind: str
) -> None:
    config, cfg = declared()
    store: Any = path if kind == "file" else kind

    async with Orchestrator(config, store, version="1.0") as orchestrator:
        one = await orchestrator.create_scenario(cfg, name="same", exist_ok=True)
        assert one.version == "1.0"
        assert (await one.duplicate()).version == "1.0"
        again = await orchestrator.create_scenario(cfg, name="same", exist_ok=True)
        assert again is one
        assert len(await orchestrator.scenarios()) == 2
        assert len(await orchestrator.scenarios(version="1.1")) == 0
        assert len(await orchestrator.scenarios(version=None, tag="t")) == 0
        await one.update(name="other")
        record = await orchestrator.store.get(one.id)
        assert getattr(record, "version", "") == "1.0"

        with pytest.raises(TypeError, match="version is a text"):
            Orchestrator(version="")

    if kind != "file":
        return

    config, cfg = declared(version="1.1")

    async with Orchestrator(config, path) as orchestrator:
        assert await orchestrator.scenarios() == []
        made = await orchestrator.create_scenario(cfg, name="same", exist_ok=True)
        assert (made.version, made.id != one.id) == ("1.1", True)
        assert (await orchestrator.get_scenario(one.id)).version == "1.0"

    # Without one, or in development, all are seen, and nothing is wiped.
    for mode, version in (("development", "2.0"), (None, None), ("development", "")):
        config, cfg = declared(mode, version)

        async with Orchestrator(config, path) as orchestrator:
            assert len(await orchestrator.scenarios()) == 3
            assert (await orchestrator.get_scenario(made.id)).version == "1.1"


async def test_an_experiment_is_declared_as_it_was(path: str) -> None:
    async def opened(*given: Any, **options: Any) -> None:
        config, _ = declared(*given, **options)

        async with Orchestrator(config, path):
            pass

    await opened("experiment", "1.0")
    await opened("experiment", "1.0", default_data=b"other")

    with pytest.raises(ConfigError) as refused:
        await opened(
            *("experiment", "1.0"), storage_type="in_memory", scope=Scope.GLOBAL
        )

    assert [(one.section, one.field) for one in refused.value.problems] == [
        ("DATA_NODE.source", "storage_type"),
        ("DATA_NODE.source", "scope"),
    ]
    assert "it was 'pickle', and is 'in_memory', in version '1.0'" in str(refused.value)

    config, cfg = declared("experiment", "1.0")
    more = config.configure_data_node("more")

    async with Orchestrator(config, path) as orchestrator:
        await orchestrator.create_scenario(cfg)
        other = config.configure_scenario("other", additional_data_node_configs=[more])
        await orchestrator.create_scenario(other)  # what is new is kept
        config.configure_data_node("more", "in_memory")

        with pytest.raises(ConfigError, match=r"DATA_NODE\.more\.storage_type"):
            await orchestrator.create_scenario("other")

    await opened("experiment", "1.1", scope=Scope.GLOBAL)
    await opened(None, "1.0", scope=Scope.GLOBAL)  # nothing is compared
    await opened("experiment", "1.0", scope=Scope.GLOBAL, force=True)
    await opened("experiment", "1.0", scope=Scope.GLOBAL)

    config, _ = declared("trial", "1.0")

    with pytest.raises(ConfigError, match=r"CORE\.mode"):
        async with Orchestrator(config, path):
            pass


async def test_production_sees_all_that_is_in_production_and_migrates_what_is_older(
    path: str,
) -> None:
    async def made(mode: str, version: str) -> str:
        config, cfg = declared(mode, version)

        async with Orchestrator(config, path) as orchestrator:
            return (await orchestrator.create_scenario(cfg, name=version)).id

    ids = [await made("production", "1.0"), await made("experiment", "1.5")]
    ids += [await made("production", "2.0")]
    config, cfg = declared("production", "3.0")
    calls: list[tuple[str, str, str | None]] = []

    def to(target: str) -> Callable[[Any], Any]:
        def migrate(copy: Any) -> Any:
            calls.append((target, copy.config_id, copy.name))

            if copy.config_id == "source":
                copy.validity_period = timedelta(days=2)
                return None

            copy.name = f"{copy.name} {target}"
            copy.properties["steps"] = [*copy.properties.get("steps", []), target]
            copy.tags.add("old")
            return copy

        return migrate

    for target in ("2.0", "3.0", "4.0"):
        config.add_migration_function(target, cfg, to(target))

    config.add_migration_function("3.0", config.data_nodes["source"], to("3.0"))

    with pytest.raises(UsageError, match="keeps nothing"):
        config.add_migration_function("3.0", config.tasks["double"], to("3.0"))  # type: ignore[arg-type]  # what is refused

    async with Orchestrator(config, path) as orchestrator:
        listed = await orchestrator.scenarios()
        assert [one.id for one in listed] == [ids[0], ids[2]]
        assert not calls
        first = await orchestrator.get_scenario(ids[0])
        assert (first.name, first.version, *first.tags) == ("1.0 2.0 3.0", "3.0", "old")
        assert first.properties["steps"] == ["2.0", "3.0"]
        assert first.source.validity_period == timedelta(days=2)
        assert calls == [
            ("3.0", "source", None),
            ("2.0", "flow", "1.0"),
            ("3.0", "flow", "1.0 2.0"),
        ]
        third = await orchestrator.get_scenario(ids[2])
        assert third.name == "2.0 3.0"
        other = await orchestrator.get_scenario(ids[1])
        assert (other.name, other.version) == ("1.5", "1.5")

    calls.clear()

    async with Orchestrator(config, path) as orchestrator:
        again = await orchestrator.get_scenario(ids[0])
        assert again.name == "1.0 2.0 3.0"
        assert not calls


async def test_a_migration_that_fails_changes_nothing_and_one_that_is_late_runs_anew(
    path: str,
) -> None:
    config, cfg = declared("production", "1.0")

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="one")

    newer, _ = declared("production", "2.0")
    seen: list[str | None] = []

    def fails(_: Any) -> Any:
        raise ValueError("no")

    async def migrate(copy: Any) -> Any:
        if not seen:
            await there.update(name="two")

        seen.append(copy.name)
        copy.properties["was"] = copy.name

    newer.add_migration_function("2.0", newer.scenarios["flow"], fails)

    async with (
        Orchestrator(config, path) as older,
        Orchestrator(newer, path) as orchestrator,
    ):
        there: Scenario = await older.get_scenario(scenario.id)

        with pytest.raises(MigrationFailed, match="ValueError: no") as failed:
            await orchestrator.get_scenario(scenario.id)

        assert isinstance(failed.value.__cause__, ValueError)
        newer.add_migration_function("2.0", newer.scenarios["flow"], lambda _: 5)

        with pytest.raises(MigrationFailed, match="it returned 5"):
            await orchestrator.get_scenario(scenario.id)

        newer.add_migration_function("2.0", newer.scenarios["flow"], migrate)

        with fail_after(10):
            found = await orchestrator.get_scenario(scenario.id)

        assert seen == ["one", "two"]
        assert (found.name, found.properties["was"], found.version) == (
            *("two", "two"),
            "2.0",
        )


@pytest.mark.parametrize("kind", ["file", ":memory:"])
async def test_a_version_is_cleaned_with_its_files(path: str, kind: str) -> None:
    config, cfg = declared(default_data=b"x" * 100_000)
    store: Any = path if kind == "file" else kind

    async with Orchestrator(config, store, version="1.0") as orchestrator:
        folder = orchestrator.store.values_folder
        one = await orchestrator.create_scenario(cfg)
        await orchestrator.create_scenario(cfg)
        cycle = one.cycle
        assert cycle is not None
        assert not await orchestrator.clean_all_entities("none")

        for nothing in (None, ""):  # they do not mean what has no version
            with pytest.raises(TypeError, match="version_number is a text"):
                await orchestrator.clean_all_entities(nothing)  # type: ignore[arg-type]

        assert await orchestrator.clean_all_entities("1.0")
        assert await orchestrator.scenarios(version=None) == []
        assert await orchestrator.cycles() == []
        assert not await orchestrator.clean_all_entities("1.0")
        assert one.is_deleted
        await orchestrator.create_scenario(cfg)

        if folder is not None:
            names = [name for name in os.listdir(folder) if name[0] != "."]
            assert len(names) == 1

    if kind == "file":
        async with Orchestrator(config, path, version="2.0") as orchestrator:
            kept = await orchestrator.create_scenario(cfg)
            assert await orchestrator.clean_all_entities("1.0")
            assert [r.id for r in await orchestrator.scenarios(version=None)] == [
                kept.id
            ]
