"""Inputs: what a run is given it reads, and nobody else does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from anyio import Event, create_task_group, to_thread

from asyncflow import (
    Configuration,
    DataNodeIsBeingEdited,
    EntityCreated,
    JobStarted,
    NoData,
    NotPicklable,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    UsageError,
    ValueInvalid,
)
from asyncflow.entities.submission import run_of
from asyncflow.testing import Faults, run_program
from tests.support.flows import configuration, statuses

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

LARGE = 100_000
"""A text of so many characters is kept in a file."""


def double(number: Any) -> Any:
    return number * 2


def add(number: Any) -> Any:
    return number + number


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


def flow(
    config: Configuration, *, skippable: bool = False, **node: Any
) -> ScenarioConfig:
    """Declare ``source`` -> ``middle`` -> ``result``; ``alone`` is read by no task."""
    source = config.configure_data_node("source", **{"default_data": 21, **node})
    middle = config.configure_data_node("middle")
    result = config.configure_data_node("result")
    alone = config.configure_data_node("alone")
    first = config.configure_task("first", double, source, middle, skippable)
    second = config.configure_task("second", add, middle, result, skippable)
    return config.configure_scenario(
        "flow", [first, second], alone, sequences={"end": [second]}
    )


def files(path: str) -> set[str]:
    folder = os.path.splitext(path)[0] + ".values"
    return {name for name in os.listdir(folder) if not name.startswith(".")}


@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_a_run_reads_what_it_is_given(mode: str, path: str) -> None:
    config = configuration(mode)
    cfg = flow(config)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        edits = await scenario.source.edits()
        run = scenario.submit(source=6)
        await scenario.source.write(7)
        await run

        assert await scenario.result.read() == 24
        assert await run.read("source") == await run.inputs["source"].read() == 6
        assert run.inputs["source"].is_given
        assert run.inputs["source"].data_node is scenario.source
        assert run.inputs["source"].submission is run
        assert await scenario.source.read() == 7
        assert len(await scenario.source.edits()) == len(edits) + 1

        plain = await scenario.submit()
        assert await scenario.result.read() == 28
        assert not plain.inputs["source"].is_given
        await scenario.source.write(8)
        assert await plain.read("source") == 7
        assert list(plain.inputs) == ["source"]


async def test_what_was_read_and_not_given_is_told_of_all_runs(
    config: Configuration,
) -> None:
    cfg = flow(config, keep_versions=9)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        first = await scenario.submit()
        part = await scenario.sequences["end"].submit()
        await scenario.source.write(1)
        second = await scenario.submit()
        assert (await first.read("source"), await second.read("source")) == (21, 1)
        assert await part.read("middle") == 42
        assert await second.read("middle") == 2


async def test_parts_can_be_given_what_the_scenario_makes(
    config: Configuration,
) -> None:
    cfg = flow(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.sequences["end"].submit(middle=4)
        assert await scenario.result.read() == 8
        await scenario.tasks["second"].submit(inputs={"middle": "ab"})
        assert await scenario.result.read() == "abab"
        run = await orchestrator.submit(scenario.second, inputs={"middle": 3})
        assert await scenario.result.read() == 6
        assert await run.read("middle") == 3

        with pytest.raises(NoData):
            await scenario.middle.read()

        for part in (scenario.sequences["end"], scenario.second):
            with pytest.raises(UsageError, match="no task of it reads that"):
                part.submit(source=1)


async def test_nothing_has_to_be_written_before(config: Configuration) -> None:
    source = config.configure_data_node("source")
    result = config.configure_data_node("result")
    task = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario("flow", task)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit(source=None, owner="me").wait()
        run = await scenario.submit(inputs={source: 2}, properties={"source": "a file"})
        assert await scenario.result.read() == 4
        assert run.properties == {"source": "a file"}

        with pytest.raises(NoData):
            scenario.submit()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"inputs": {"middle": 1}}, "its task 'first' writes it. Submit what reads it"),
        ({"alone": 1}, "no task of it reads that.*this run reads source"),
        ({"inputs": {"sourc": 1}}, "no data node is called 'sourc': did you mean 'sou"),
        ({"inputs": {"x": 1}}, "there are alone, middle, result, source"),
    ],
)
async def test_what_a_run_does_not_read_is_refused(
    config: Configuration, given: Any, match: str
) -> None:
    cfg = flow(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(UsageError, match=match):
            scenario.submit(**given)

        with pytest.raises(TypeError, match="was given 'source' twice"):
            scenario.submit(source=1, inputs={"source": 1})

        with pytest.raises(TypeError, match="inputs is a dict, or None; got 5"):
            scenario.submit(inputs=5)  # type: ignore[arg-type]  # a mistake

        assert await orchestrator.submissions() == []


def even(number: int) -> bool:
    return number % 2 == 0


async def test_a_value_is_checked_at_the_call(config: Configuration) -> None:
    cfg = flow(config, default_data=2, validator=even)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        with pytest.raises(ValueInvalid, match="even"):
            await orchestrator.create_scenario(cfg, source=3)

        scenario = await orchestrator.create_scenario(cfg, source=4)
        assert await scenario.source.read() == 4

        with pytest.raises(ValueInvalid, match="source"):
            scenario.submit(source=3)

        with pytest.raises(ValueInvalid):
            scenario.submit(source={"lock": threading.Lock()})


async def test_what_cannot_be_kept_names_the_part(config: Configuration) -> None:
    cfg = flow(config)
    lock = {"lock": threading.Lock()}

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NotPicklable, match=r"data node source\['lock'\]"):
            scenario.submit(source=lock)

        with pytest.raises(NotPicklable, match=r"data node source\['lock'\]"):
            await orchestrator.create_scenario(cfg, source=lock)

        assert len(await orchestrator.scenarios()) == 1


async def test_a_large_value_is_what_it_was_at_the_call(
    config: Configuration, path: str
) -> None:
    cfg = flow(config)
    value = bytearray(b"x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = scenario.submit(source=value)
        value[0] = 0
        assert await run.read("source") == b"x" * LARGE
        await run
        assert await scenario.result.read() == b"x" * 4 * LARGE
        assert await scenario.source.read() == 21
        before = files(path)
        await orchestrator.prune(keep=0)
        assert len(before - files(path)) == 1


async def test_inputs_are_kept_as_long_as_the_submission(
    config: Configuration, path: str
) -> None:
    cfg = flow(config)
    text = "ab" * LARGE

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        ids = [(await scenario.submit(source=one)).id for one in (text, "x", [1])]

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.get_scenario(scenario.id)
        await scenario.submit()
        runs = [await orchestrator.get_submission(one) for one in ids]
        assert [await run.read("source") for run in runs] == [text, "x", [1]]
        before = files(path)
        await orchestrator.delete(ids[0])
        assert len(before - files(path)) == 1
        await orchestrator.delete(scenario.id)
        assert files(path) == set()


async def test_equal_values_are_skipped(config: Configuration, path: str) -> None:
    cfg = flow(config, skippable=True)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, source="ab")

        async def ends(**given: Any) -> list[str]:
            run = await scenario.submit(**given)
            return statuses(run.jobs)

        ran, skipped = ["COMPLETED"] * 2, ["SKIPPED"] * 2
        assert await ends() == ran
        assert await ends(source="ab") == skipped
        assert await ends(source="cd") == ran
        assert await ends(source="cd") == skipped
        assert await ends() == ran
        large = ["x" * LARGE]
        assert await ends(source=large) == ran
        assert await ends(source=[*large]) == skipped
        await scenario.source.write(["x" * LARGE])
        assert await ends() == skipped


async def test_what_failed_runs_again_with_its_inputs(
    config: Configuration, path: str
) -> None:
    mended: list[int] = []

    async def fail(value: Any) -> Any:
        if not mended:
            raise ValueError("not mended")

        return value

    source = config.configure_data_node("source", default_data=1)
    other = config.configure_data_node("other", default_data=1)
    results = [config.configure_data_node(name) for name in ("a", "b")]
    tasks = [
        config.configure_task("fails", fail, source, results[0]),
        config.configure_task("works", double, other, results[1]),
    ]
    cfg = config.configure_scenario("flow", tasks)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        text = "ab" * LARGE
        small = await scenario.submit(source=5, other=6).wait()
        large = await scenario.submit(source=text).wait()
        assert statuses(small.jobs) == ["FAILED", "COMPLETED"]
        mended.append(1)
        again = await small.retry_failed()
        assert await scenario.a.read() == await again.read("source") == 5
        assert list(again.inputs) == ["source"]

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.get_submission(large.id)
        second = await first.retry_failed()
        await orchestrator.delete(first.id)
        assert await second.read("source") == await second.read("a") == text


async def test_a_key_goes_with_the_inputs(config: Configuration, path: str) -> None:
    cfg = flow(config)
    match = r"was given other inputs \(source\): use a key of its own"

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        same = await other.get_scenario(scenario.id)
        key: dict[str, Any] = {"idempotency_key": "k"}
        run = await scenario.submit(source=[1.5], **key)
        assert scenario.submit(source=[1.5], **key) is run
        theirs = await same.submit(source=[1.5], **key)
        assert theirs.id == run.id
        assert await theirs.read("source") == [1.5]

        for entity in (scenario, same):
            with pytest.raises(UsageError, match=match):
                await entity.submit(source=[2.5], **key)

            with pytest.raises(UsageError, match=match):
                await entity.submit(**key)

        large = await scenario.submit(source="x" * LARGE, idempotency_key="l")
        before = files(path)
        again = await same.submit(source="y" * LARGE, idempotency_key="l")
        assert again.id == large.id
        assert await again.read("source") == "x" * LARGE

    assert files(path) <= before


async def test_others_may_write_meanwhile(config: Configuration, path: str) -> None:
    go = Event()

    async def wait(value: Any) -> Any:
        await go.wait()
        return value

    shared = config.configure_data_node("shared", default_data=1, scope=Scope.GLOBAL)
    result = config.configure_data_node("result")
    late = config.configure_data_node("late")
    tasks = [
        config.configure_task("wait", wait, shared, result),
        config.configure_task("later", lambda one, _: one, [shared, result], late),
    ]
    cfg = config.configure_scenario("flow", tasks)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        run = scenario.submit(shared="given")
        large = scenario.submit(shared=["given" * LARGE])
        await run.accepted()
        await large.accepted()
        theirs = await other.create_scenario(cfg, shared=2)
        await theirs.shared.write(3)
        await scenario.shared.write(4)
        go.set()
        await run
        assert await run.read("late") == "given"
        await large
        assert (
            await large.read("late") == await large.read("shared") == ["given" * LARGE]
        )
        assert await theirs.shared.read() == 4
        seen = await other.get_submission(run.id)
        assert await seen.read("shared") == "given"
        assert seen.inputs["shared"].is_given


@pytest.mark.parametrize("storage_type", ["pickle", "json", "in_memory"])
async def test_any_kind_of_data_node_can_be_given(
    config: Configuration, storage_type: str, tmp_path: Path
) -> None:
    kind = {"storage_type": storage_type}
    source = config.configure_data_node("source", default_data=1, **kind)  # type: ignore[arg-type]  # of many types
    file = config.configure_data_node(
        "file", "json", default_path=str(tmp_path / "a.json"), default_data=2
    )
    result = config.configure_data_node("result")
    task = config.configure_task("work", lambda *given: given, [source, file], result)
    cfg = config.configure_scenario("flow", task)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit(source=(1, 2), file={"a": 5})
        assert await scenario.result.read() == ((1, 2), {"a": 5})
        assert await run.read("file") == {"a": 5}
        assert (tmp_path / "a.json").read_text() == "2"
        await scenario.submit()
        assert await scenario.result.read() == (1, 2)


async def test_a_deleted_scenario_takes_no_inputs(
    config: Configuration, path: str
) -> None:
    cfg = flow(config)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        await other.delete(scenario.id)

        with pytest.raises(Exception, match=scenario.id):
            await scenario.submit(source="x" * LARGE)

    assert files(path) == set()


PROGRAM = """
import anyio
from asyncflow import Config, Orchestrator

def first(text):
    return text[:2]

def second(text, short):
    return text[-1], short

Config.configure_job_executions("standalone", 1)
text = Config.configure_data_node("text", default_data="default")
short = Config.configure_data_node("short")
result = Config.configure_data_node("result")
tasks = [
    Config.configure_task("first", first, text, short),
    Config.configure_task("second", second, [text, short], result),
]
scenario_cfg = Config.configure_scenario("flow", tasks)

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        known = await orchestrator.submissions(newest_first=True)

        if known:
            run = await orchestrator.get_submission(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            run = scenario.submit(text="given" * SIZE)

        await run
        node = run.entity.data_nodes["text"]
        print(await run.read("result"), len(await run.read("text")), await node.read())

anyio.run(main)
"""


@pytest.mark.smoke
@pytest.mark.parametrize("size", [1, LARGE])
async def test_a_run_that_was_killed_goes_on_with_its_inputs(
    tmp_path: Path, size: int
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace("SIZE", str(size)), "utf-8")
    faults = Faults()
    faults.kill_orchestrator_after(JobStarted, task="second")
    killed = await to_thread.run_sync(
        lambda: run_program(script, folder=tmp_path, faults=faults)
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    again = await to_thread.run_sync(lambda: run_program(script, folder=tmp_path))
    assert again.stdout == f"('n', 'gi') {5 * size} default\n", again.stderr


async def test_runs_that_are_given_nothing_have_nothing(config: Configuration) -> None:
    cfg = flow(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = run_of(scenario.submit())
        assert (run.given, run.pins) == (None, None)


# -------------------------------------------------------------------------- at creation


async def test_a_scenario_is_created_with_values(
    config: Configuration, path: str
) -> None:
    cfg = flow(config)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(
            cfg, source=5, inputs={"alone": [1]}, owner="me", properties={"middle": 1}
        )
        assert await scenario.read("source", "alone") == (5, [1])
        assert scenario.properties == {"owner": "me", "middle": 1}
        edits = await scenario.source.edits()
        assert [edit.comment for edit in edits] == ["given"]

        plain = await orchestrator.create_scenario(cfg)
        assert await plain.source.read() == 21

        with pytest.raises(TypeError, match="did you mean 'source'"):
            await orchestrator.create_scenario(cfg, suorce=5)

    async with Orchestrator(config, path) as orchestrator:
        again = await orchestrator.get_scenario(scenario.id)
        assert await again.read("source", "alone") == (5, [1])


async def test_what_scenarios_share_is_written(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, scope=Scope.GLOBAL)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        first = await one.create_scenario(cfg, source=1)
        second = await other.create_scenario(cfg, source=2)
        assert await first.source.read() == await second.source.read() == 2
        await first.source.lock_edit("me")

        with pytest.raises(DataNodeIsBeingEdited):
            await other.create_scenario(cfg, source=3)

        with pytest.raises(DataNodeIsBeingEdited):
            await other.create_scenario(cfg, name="x", exist_ok=True, source=3)

        assert len(await other.scenarios()) == 2


async def test_a_scenario_is_found_again_by_its_name(
    config: Configuration, path: str
) -> None:
    cfg = flow(config)
    by_name: dict[str, Any] = {"name": "daily", "exist_ok": True}

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.create_scenario(cfg, source=1, owner="me", **by_name)
        again = await orchestrator.create_scenario(cfg, owner="you", **by_name)
        assert again is first
        assert (await again.source.read(), again.properties) == (1, {"owner": "me"})
        await orchestrator.create_scenario(cfg, source=2, **by_name)
        assert await again.source.read() == 2
        assert len(await again.source.edits()) == 2
        await orchestrator.create_scenario(cfg, name="other", exist_ok=True)
        await orchestrator.create_scenario(cfg, name="daily")

        with pytest.raises(UsageError, match="needs the name by which"):
            await orchestrator.create_scenario(cfg, exist_ok=True)

    async with Orchestrator(config, path) as orchestrator:
        found = await orchestrator.create_scenario(cfg, **by_name)
        assert (found.id, await found.source.read()) == (first.id, 2)
        assert len(await orchestrator.scenarios()) == 3
        await orchestrator.delete(found.id)
        assert (await orchestrator.create_scenario(cfg, **by_name)).id != first.id


async def test_of_many_who_ask_at_once_one_makes_it(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, default_data="x" * LARGE)
    made: list[Scenario] = []

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):

        async def ask(orchestrator: Orchestrator) -> None:
            made.append(
                await orchestrator.create_scenario(cfg, name="daily", exist_ok=True)
            )

        async with create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask, one)
                group.start_soon(ask, other)

        assert len({scenario.id for scenario in made}) == 1
        assert len(await one.scenarios()) == 1
        assert {await each.source.read() for each in made} == {"x" * LARGE}

    assert len(files(path)) == 1


async def test_that_one_was_made_is_told_once(config: Configuration) -> None:
    cfg = flow(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        async with orchestrator.events(EntityCreated) as events:
            for _ in range(2):
                await orchestrator.create_scenario(cfg, name="daily", exist_ok=True)

            await orchestrator.create_scenario(cfg, name="last")
            told = [event async for event in first_scenarios(events, 2)]

        names = {one.id: one.name for one in await orchestrator.scenarios()}
        assert [names[event.entity_id] for event in told] == ["daily", "last"]


async def first_scenarios(
    events: AsyncIterator[EntityCreated], count: int
) -> AsyncIterator[EntityCreated]:
    async for event in events:
        if event.entity_type == "SCENARIO":
            yield event
            count -= 1

        if not count:
            return
