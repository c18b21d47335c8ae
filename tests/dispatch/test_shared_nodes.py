"""Data nodes that two orchestrators on one file have together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import (
    Configuration,
    DataNode,
    NoData,
    NotFound,
    Orchestrator,
    Scenario,
    Scope,
    UsageError,
)
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.stores._values_folder import NAME as MARK
from tests.support import flows
from tests.support.flows import statuses

pytestmark = pytest.mark.anyio

LARGE = 100_000
"""The length of texts that are kept in files."""


@pytest.fixture
async def pair(
    config: Configuration, path: str
) -> AsyncIterator[tuple[Orchestrator, Orchestrator]]:
    """Open two orchestrators on one file."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(Orchestrator(config, path)),
            await stack.enter_async_context(Orchestrator(config, path)),
        )


def declare(config: Configuration, **options: Any) -> None:
    """Declare ``rates`` (shared) -> ``result``, and ``source`` -> ``rates``."""
    options = {"scope": Scope.GLOBAL, "default_data": 1, **options}
    rates = config.configure_data_node("rates", **options)
    result = config.configure_data_node("result")
    source = config.configure_data_node("source", default_data="made by a job")
    reader = config.configure_task(
        "reader", flows.identity, rates, result, executor="thread"
    )
    writer = config.configure_task(
        "writer", flows.identity, source, rates, executor="thread"
    )
    config.configure_scenario("reading", reader)
    config.configure_scenario("writing", writer)


async def files(path: str) -> list[str]:
    folder = path.removesuffix(".db") + ".values"
    names = await to_thread.run_sync(os.listdir, folder)
    return [name for name in names if name != MARK]


@pytest.mark.smoke
async def test_the_first_scenario_writes_the_default_data(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config)
    one, other = [await each.create_scenario("reading") for each in pair]
    assert one.rates.id == other.rates.id
    assert one.rates is not other.rates
    assert len(await other.rates.edits()) == 1

    await one.rates.write(2)
    third = await pair[1].create_scenario("reading")
    assert third.rates is other.rates
    assert await third.rates.read() == 2
    assert [edit.is_kept for edit in await third.rates.edits()] == [True, True]


async def test_two_first_scenarios_at_once(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config)
    made: list[Scenario] = []

    async def create(orchestrator: Orchestrator) -> None:
        made.append(await orchestrator.create_scenario("reading"))

    async with create_task_group() as group:
        for orchestrator in pair:
            group.start_soon(create, orchestrator)

    assert [await scenario.rates.read() for scenario in made] == [1, 1]
    await made[0].rates.write(2)
    assert [await scenario.rates.read() for scenario in made] == [2, 2]


async def test_what_one_writes_the_other_reads(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config, keep_versions=2)
    one, other = [await each.create_scenario("reading") for each in pair]

    for value in (2, "x" * LARGE, 3, "y" * LARGE):
        await one.rates.write(value, comment="by hand")
        assert await other.rates.read() == value
        await other.rates.write([value])
        assert await one.rates.read() == [value]

    assert await one.rates.edits() == await other.rates.edits()
    assert one.rates.last_edit_date == other.rates.last_edit_date
    edits = await one.rates.edits()
    assert [edit.is_kept for edit in edits] == [False] * 6 + [True] * 3

    for edit in edits[-3:]:
        values = [await each.rates.read(version=edit.version) for each in (one, other)]
        assert values[0] == values[1]


async def test_what_one_writes_is_the_input_of_the_others_job(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config)
    one, other = [await each.create_scenario("reading") for each in pair]

    for value in (2, "x" * LARGE, "y" * LARGE, "z" * LARGE):
        await one.rates.write(value)
        await other.submit()
        assert await other.result.read() == value


async def test_what_one_s_job_writes_is_the_input_of_the_others(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config)
    writing = await pair[0].create_scenario("writing")
    reading = await pair[1].create_scenario("reading")

    for value in ("small", "x" * LARGE, "y" * LARGE):
        await writing.source.write(value)
        run = await writing.submit()
        await reading.submit()
        assert await reading.result.read() == value
        assert (await reading.rates.edits())[-1].job_id == run.jobs[0].id


async def test_a_version_of_another_makes_a_skippable_task_run(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    rates = config.configure_data_node("rates", scope=Scope.GLOBAL, default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task(
        "work", flows.identity, rates, result, True, executor="thread"
    )
    cfg = config.configure_scenario("s", task)
    one, other = [await each.create_scenario(cfg) for each in pair]
    await other.submit()
    assert statuses((await other.submit()).jobs) == ["SKIPPED"]

    await one.rates.write(2)
    run = await other.submit()
    assert statuses(run.jobs) == ["COMPLETED"]
    assert run.jobs[0].reason == "`rates` has a new version"
    assert await other.result.read() == 2


async def test_an_input_that_another_wrote_first(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    """Nobody here has written it; the store knows more."""
    declare(config, default_data=NOT_GIVEN)
    one, other = [await each.create_scenario("reading") for each in pair]

    with pytest.raises(NoData):
        await other.rates.read()

    await one.rates.write(5)
    await other.submit()
    assert await other.result.read() == 5


async def test_a_data_node_is_found_by_its_id(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config)
    scenario = await pair[0].create_scenario("reading")
    await scenario.rates.write("new")
    found = await pair[1].get(scenario.rates.id)
    assert isinstance(found, DataNode)
    assert (found.owner_id, found.scope) == (None, Scope.GLOBAL)
    assert await found.read() == "new"


async def test_a_data_node_of_a_scenario_is_seen_by_others(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    declare(config, scope=Scope.SCENARIO)
    mine = await pair[0].create_scenario("reading")
    await pair[0].flush()
    theirs = await pair[1].get(mine.id)
    assert isinstance(theirs, Scenario)
    await mine.rates.write("x" * LARGE)
    await mine.submit()
    assert await theirs.rates.read() == "x" * LARGE
    assert await theirs.result.read() == "x" * LARGE
    assert theirs.result.last_edit_date == mine.result.last_edit_date


@pytest.mark.parametrize("reading", [True, False], ids=["reading", "writing_only"])
@pytest.mark.parametrize("count", [0, 1, 3])
async def test_so_many_versions_are_kept_of_all_writers(
    config: Configuration, path: str, count: int, reading: bool
) -> None:
    """Whatever is said to be kept can be read, and nothing else has a file."""
    declare(config, keep_versions=count, default_data=None)

    async with Orchestrator(config, path) as one, Orchestrator(config, path) as other:
        scenarios = [await each.create_scenario("writing") for each in (one, other)]

        for letter in "abcde":
            for scenario in scenarios:
                await scenario.source.write(letter * LARGE)
                await scenario.submit()
                await scenario.submit()

            for scenario in scenarios * reading:
                assert await scenario.rates.read() == letter * LARGE

    async with Orchestrator(config, path) as orchestrator:
        rates = await orchestrator.get(scenarios[0].rates.id)
        assert isinstance(rates, DataNode)
        assert await rates.read() == "e" * LARGE
        await orchestrator.flush()
        kept = [edit.version for edit in await rates.edits() if edit.is_kept]
        values = [await rates.read(version=number) for number in kept]
        assert [value[0] for value in values] == list("eeee"[: count + 1])

    sources = 2 * 2
    assert len(await files(path)) == sources + count + 1


async def test_an_input_that_is_replaced_elsewhere_before_its_job_starts(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    """The run reads what there was at its submit; then its file goes."""
    gate, arrived = threading.Event(), threading.Event()

    def wait_at_gate() -> int:
        arrived.set()
        assert gate.wait(20)
        return 1

    rates = config.configure_data_node(
        "rates", scope=Scope.GLOBAL, default_data="0" * LARGE
    )
    middle = config.configure_data_node("middle")
    result = config.configure_data_node("result")
    tasks = [
        config.configure_task("wait", wait_at_gate, None, middle, executor="thread"),
        config.configure_task("work", join, [middle, rates], result, executor="thread"),
    ]
    cfg = config.configure_scenario("row", tasks)
    one, other = [await each.create_scenario(cfg) for each in pair]
    run = one.submit()

    with fail_after(20):
        await to_thread.run_sync(arrived.wait, abandon_on_cancel=True)

    for letter in "abc":
        await other.rates.write(letter * LARGE)

    gate.set()
    await run
    assert await one.result.read() == "0" * LARGE


def join(_: int, text: str) -> str:
    return text


# ------------------------------------------------------------------------------- clocks


@contextmanager
def clock_ahead(patch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """Have this process take it to be later than it is."""
    now = time.time_ns

    with patch.context() as context:
        context.setattr(time, "time_ns", lambda: now() + int(seconds * 1e9))
        yield


@pytest.mark.parametrize("keep", [0, 2])
@pytest.mark.parametrize("value", ["small", "x" * LARGE], ids=["small", "large"])
async def test_what_is_written_last_is_current_whatever_the_clocks_say(
    config: Configuration,
    pair: tuple[Orchestrator, Orchestrator],
    monkeypatch: pytest.MonkeyPatch,
    keep: int,
    value: str,
) -> None:
    gate, arrived = threading.Event(), threading.Event()

    def make() -> str:
        arrived.set()
        assert gate.wait(20)
        return value

    node = config.configure_data_node(
        "rates", scope=Scope.GLOBAL, default_data=1, keep_versions=keep
    )
    task = config.configure_task("make", make, None, node, executor="thread")
    cfg = config.configure_scenario("s", task)
    behind, ahead = [await each.create_scenario(cfg) for each in pair]

    for _ in range(2):
        run = behind.submit()

        with fail_after(20):
            await to_thread.run_sync(arrived.wait, abandon_on_cancel=True)

        with clock_ahead(monkeypatch, 120):
            await ahead.rates.write("ahead")

        gate.set()
        await run
        assert [await one.rates.read() for one in (behind, ahead)] == [value] * 2
        *_, before, last = await ahead.rates.edits()
        assert last.at < before.at
        assert (last.job_id, last.is_kept) == (run.jobs[0].id, True)
        assert await ahead.rates.read(version=last.version) == value

        await behind.rates.write("again")
        assert [await one.rates.read() for one in (ahead, behind)] == ["again"] * 2
        edits = await ahead.rates.edits()
        assert edits == await behind.rates.edits()
        assert [one.is_kept for one in edits[-keep - 1 :]] == [True] * (keep + 1)
        assert sum(one.is_kept for one in edits) == keep + 1
        gate.clear()
        arrived.clear()


async def test_what_another_has_deleted_is_not_found(
    config: Configuration, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    one, other = pair
    node = config.configure_data_node("large", default_data="x" * LARGE)
    task = config.configure_task("reader", flows.identity, node)
    cfg = config.configure_scenario("reading", task)
    scenario = await one.create_scenario(cfg)
    await one.flush()
    await other.delete(scenario.id)

    with pytest.raises(NotFound, match=scenario.large.id):
        await scenario.large.read()

    with pytest.raises(NotFound, match=scenario.id):
        await one.get(scenario.id)

    with pytest.raises(UsageError, match="was deleted"):
        scenario.submit()
