"""Executors and stores of others: trials are played with them, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import pytest
from anyio import sleep

from asyncflow.abc import Call, Executor, Returned, Store, Watch
from asyncflow.alternatives import MODES
from asyncflow.errors import UsageError
from asyncflow.stores._tables import Tables
from asyncflow.stores.memory import MemoryStore
from asyncflow.testing.simulation import simulate
from asyncflow.worker.failure import raised
from asyncflow.worker.outputs import keep_result


class PlainExecutor(Executor):
    """Calls functions where it is called, each after a while."""

    not_killing: ClassVar[str | None] = "it runs to its end"

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            await sleep(0.01)

            try:
                values = [
                    driver.read(kept)
                    for _, driver, kept in call.inputs
                    if not isinstance(kept, tuple)
                ]
                kept = keep_result(call.task, call.outputs, call.function(*values))
            except Exception as error:
                watch.ended(call, raised(error, None))
            else:
                watch.ended(call, Returned(kept))

    def kill(self, call: Call, *, now: bool = False) -> None:
        """Do nothing: it runs to its end."""


class KeptStore(MemoryStore):
    """Keeps its records when it is closed."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self._tables = tables

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep them."""


def test_an_executor_of_somebody_else() -> None:
    outcome = simulate(6, executor=PlainExecutor)

    assert not outcome.violations
    assert any(" begins JOB_" in line for line in outcome.trace)
    assert outcome.digest == simulate(6, executor=PlainExecutor).digest


def test_one_that_loses_jobs_is_found() -> None:
    class Losing(PlainExecutor):
        async def run(self, calls: Sequence[Call], watch: Watch) -> None:
            await super().run(calls[1:], watch)

    assert simulate(6, executor=Losing).violations


def test_one_with_processes_is_refused() -> None:
    with pytest.raises(UsageError, match="calls functions in other processes"):
        simulate(5, executor=MODES.load("standalone"))


def test_a_store_of_somebody_else() -> None:
    tables = Tables()

    def store(folder: Path, process: int) -> Store:
        return KeptStore(tables)

    assert not simulate(0, store=store).violations
    assert tables.submissions.records


def test_one_that_loses_records_is_found() -> None:
    def store(folder: Path, process: int) -> Store:
        return MemoryStore()

    assert "is lost" in simulate(0, store=store).violations[0]
