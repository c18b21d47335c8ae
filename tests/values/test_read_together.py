"""Several data nodes are read as they are at one moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

import asyncflow.sync as tp
from asyncflow import NoData, Orchestrator, UsageError
from tests.programs.pairs_program import declare
from tests.support import flows
from tests.support.flows import configuration
from tests.support.programs import LIMIT, environment

SEEN = 20
"""How many different pairs a test has read when it ends."""


@contextmanager
def writers(folder: Path, words: str, length: int) -> Iterator[None]:
    """Have processes write pairs, one for each word, of texts that are so long."""
    store = folder / "runs.db"
    with ExitStack() as stack:
        stack.callback((folder / "stop").touch)
        programs = [
            stack.enter_context(
                subprocess.Popen(
                    [
                        *(sys.executable, "-m", "tests.programs.pairs_program"),
                        *(folder, store, word, str(length)),
                    ],
                    cwd=folder,
                    env=environment(),
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for word in words
        ]

        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"

        yield
        (folder / "stop").touch()

        for program in programs:
            assert program.wait(LIMIT) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("words", ["a", "ab"], ids=["one", "two"])
@pytest.mark.parametrize("length", [0, 100_000], ids=["small", "large"])
async def test_what_a_job_of_another_process_writes_is_read_as_a_whole(
    tmp_path: Path, words: str, length: int
) -> None:
    config, cfg = declare()

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        writing = writers(tmp_path, words, length)
        await to_thread.run_sync(writing.__enter__)
        seen: set[tuple[str, ...]] = set()

        try:
            with fail_after(LIMIT):
                while len(seen) < SEEN:
                    seen.add(await scenario.read("left", "right"))
        finally:
            await to_thread.run_sync(writing.__exit__, None, None, None)

        assert [pair for pair in seen if pair[0] != pair[1]] == []


@pytest.mark.smoke
@pytest.mark.anyio
async def test_the_values_are_in_the_order_of_the_names() -> None:
    config = configuration()
    a = config.configure_data_node("a", default_data=1)
    b = config.configure_data_node("b", default_data="x" * 100_000)
    c = config.configure_data_node("c")
    task = config.configure_task("work", flows.fail, a, c)
    cfg = config.configure_scenario("s", task, b)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.read("b", "a", "b") == ("x" * 100_000, 1, "x" * 100_000)
        assert await scenario.read() == ()

        with pytest.raises(UsageError, match="did you mean 'a'"):
            await scenario.read("a", "aa")

        with pytest.raises(NoData, match="'c'"):
            await scenario.read("a", "c")

        await scenario.submit().wait()

        with pytest.raises(NoData, match=r"JOB_work_.* is FAILED"):
            await scenario.read("a", "c")


def test_the_blocking_face_reads_together(tmp_path: Path) -> None:
    config, cfg = declare()
    orchestrator = tp.Orchestrator(config, tmp_path / "runs.db")
    orchestrator.run()

    try:
        scenario = orchestrator.create_scenario(cfg)
        scenario.source.write("both")
        scenario.submit(wait=True)
        assert scenario.read("left", "right", "source") == ("both", "both", "both")
    finally:
        orchestrator.stop()
