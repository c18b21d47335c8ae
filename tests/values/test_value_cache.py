"""Small values do not pile up in the process that runs the jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Configuration, DataNode, Orchestrator, Scenario, ScenarioConfig
from asyncflow.entities.data_node import node_of
from asyncflow.entities.submission import run_of
from asyncflow.values import versions
from tests.support.flows import configuration, until_started

pytestmark = pytest.mark.anyio

SIZE = 10_000
"""The length of a value, which is small enough to need no file."""

COUNT = 40
LIMIT = 100_000
"""How many bytes of values may be in memory."""


@pytest.fixture(autouse=True)
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "LIMIT", LIMIT)


def make(number: int) -> str:
    return f"{number} ".ljust(SIZE, ".")


def join(*texts: str) -> str:
    return " ".join(text.split()[0] for text in texts)


def declare(executor: str, *, skippable: bool = False) -> ScenarioConfig:
    """Declare a fan-out of `COUNT` tasks, and one that reads all they have made."""
    config = configuration()
    results = [config.configure_data_node(f"result{n}") for n in range(COUNT)]
    all_of_them = config.configure_data_node("all_of_them")
    tasks = [
        config.configure_task(
            f"make{n}",
            make,
            config.configure_data_node(f"source{n}", default_data=n),
            result,
            skippable,
            executor=executor,
        )
        for n, result in enumerate(results)
    ]
    tasks.append(
        config.configure_task(
            "join", join, results, all_of_them, skippable, executor=executor
        )
    )
    cfg = config.configure_scenario("wide", tasks)
    CONFIGS[cfg] = config
    return cfg


CONFIGS: dict[ScenarioConfig, Configuration] = {}


def in_memory(nodes: Iterable[DataNode]) -> int:
    """Return how many bytes of values there are in memory."""
    kept = [version.kept for node in nodes for version in node_of(node).versions]
    return sum(len(one) for one in kept if isinstance(one, bytes))


async def until_few(scenario: Scenario) -> None:
    with fail_after(20):
        while in_memory(scenario.data_nodes.values()) > LIMIT:
            await checkpoint()


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_values_that_were_evicted_are_read_again(
    path: str, executor: str
) -> None:
    cfg = declare(executor)
    expected = " ".join(map(str, range(COUNT)))

    async with Orchestrator(CONFIGS[cfg], path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            await scenario.submit()
            assert await scenario.all_of_them.read() == expected
            await until_few(scenario)
            read = [await scenario[f"result{n}"].read() for n in range(COUNT)]
            assert read == list(map(make, range(COUNT)))
            await until_few(scenario)

        run = await scenario.tasks["join"].submit()
        assert await run.read("all_of_them") == expected
        names = [f"result{n}" for n in range(COUNT)]
        assert await scenario.read(*names) == tuple(read)


async def test_what_was_evicted_can_be_compared(path: str) -> None:
    cfg = declare("thread", skippable=True)

    async with Orchestrator(CONFIGS[cfg], path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await until_few(scenario)
        await scenario["result3"].write(make(3))  # a new version of equal content
        run = await scenario.tasks["join"].submit()
        assert [job.status for job in run.jobs] == ["SKIPPED"]


async def test_what_a_run_has_pinned_stays(path: str) -> None:
    is_open = threading.Event()

    def wait(_: object) -> int:
        assert is_open.wait(20)
        return 1

    config = configuration()
    begin = config.configure_data_node("begin", default_data=0)
    gone = config.configure_data_node("gone")
    source = config.configure_data_node(
        "source", default_data=make(1), keep_versions=COUNT
    )
    result = config.configure_data_node("result")
    cfg = config.configure_scenario(
        "s",
        [
            config.configure_task("wait", wait, begin, gone, executor="thread"),
            config.configure_task("join", last, [gone, source], result),
        ],
    )

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for number in range(2, COUNT):  # the first ones are evicted before
            await scenario.source.write(make(number))

        await until_few(scenario)
        run = scenario.submit()
        await until_started(run)

        for number in range(COUNT, 2 * COUNT):
            await scenario.source.write(make(number))

        await until_few(scenario)
        is_open.set()
        await run
        assert await run.read("result") == f"{COUNT - 1}"
        edits = [edit for edit in await scenario.source.edits() if edit.is_kept]
        read = [await scenario.source.read(version=edit.version) for edit in edits]
        assert read == [make(number) for number in range(COUNT - 1, 2 * COUNT)]


def last(_: int, text: str) -> str:
    return text.split()[0]


async def test_what_is_kept_for_handles_leaves_the_memory_too(path: str) -> None:
    config = configuration()
    source = config.configure_data_node("source", default_data=0)
    result = config.configure_data_node("result")
    task = config.configure_task("make", make, source, result)
    cfg = config.configure_scenario("sweep", task)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = []

        for value in range(30):
            await scenario.source.write(value)
            runs.append(await scenario.submit())

        held = [
            version for run in runs for version in (run_of(run).held or {}).values()
        ]
        assert len(held) == 28

        with fail_after(20):
            while sum(len(one.kept) for one in held if one.kept is not None) > LIMIT:
                await checkpoint()

        texts = [await run.read("result") for run in runs]
        assert [int(text.split()[0]) for text in texts] == [*range(30)]
