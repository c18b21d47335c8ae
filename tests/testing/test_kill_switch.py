"""The end of a program by SIGKILL, after an event; the next one goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from anyio import Event as Signal
from anyio import fail_after

from asyncflow import (
    Event,
    JobEvent,
    JobFinished,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.errors import StoreFailed
from asyncflow.testing import Faults
from asyncflow.testing._kill_switch import Condition, KillSwitch
from tests.support.faults import Program, noted
from tests.support.faults import program as program


@pytest.mark.parametrize(
    ("event", "facts", "ran", "arguments"),
    [
        (SubmissionStarted, {}, [], ["standalone", ""]),
        (SubmissionStarted, {}, [], ["standalone", "key"]),
        (Event, {}, [], ["standalone", ""]),
        (JobStarted, {}, [], ["standalone", "key"]),
        (JobStarted, {}, [], ["development", ""]),
        (JobFinished, {}, ["double"], ["standalone", ""]),
        (JobFinished, {}, ["double"], ["development", "key"]),
        (JobStarted, {"nth": 2}, ["double"], ["standalone", ""]),
        (JobEvent, {"task": "add"}, ["double"], ["standalone", ""]),
        (JobFinished, {"task": "add"}, ["double", "add"], ["standalone", ""]),
        (JobEvent, {"nth": 4}, ["double", "add"], ["development", ""]),
        (SubmissionFinished, {}, ["double", "add"], ["standalone", ""]),
        (SubmissionFinished, {}, ["double", "add"], ["development", "key"]),
    ],
)
def test_a_killed_program_goes_on(
    program: Program,
    tmp_path: Path,
    event: type[Event],
    facts: dict[str, Any],
    ran: list[str],
    arguments: list[str],
) -> None:
    faults = Faults()
    faults.kill_orchestrator_after(event, **facts)

    killed = program(*arguments, faults=faults)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (killed.stdout, killed.stderr) == ("", "")
    assert noted(tmp_path) == ran

    again = program(*arguments)

    assert again.returncode == 0, again.stderr
    assert all("goes on here" in line for line in again.stderr.splitlines())
    assert again.stdout == "52 1\n"
    assert noted(tmp_path) == ["double", "add"]


def test_what_did_not_happen_kills_nobody(
    program: Program,
) -> None:
    faults = Faults()
    faults.kill_orchestrator_after(JobFinished, nth=3)
    faults.kill_orchestrator_after(JobStarted, task="doubel")
    ran = program("development", "key", faults=faults)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "52 0\n", "")


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Note who is killed, and kill nobody."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *how: found.append(how))
    return found


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (Condition(JobFinished, None, 2), [False, False, False, True]),
        (Condition(JobEvent, None, 2), [False, True, False, False]),
        (Condition(JobFinished, "b", 1), [False, False, False, True]),
        (Condition(SubmissionStarted, None, 1), [False] * 4),
    ],
)
def test_a_condition_counts_its_events(condition: Condition, met: list[bool]) -> None:
    told = [
        (JobStarted, "a"),
        (JobFinished, "a"),
        (JobStarted, "b"),
        (JobFinished, "b"),
    ]
    found = [condition.is_met(event, task) for event, task in told]
    assert found == met


@pytest.mark.anyio
async def test_what_was_before_is_durable_at_the_end(
    killed: list[tuple[int, int]],
) -> None:
    switch, flushed = KillSwitch(), Signal()

    async def fail() -> None:
        raise StoreFailed("runs.db", "it is damaged", "")

    async def flush() -> None:
        assert switch.has_come
        assert killed == []
        flushed.set()

    wanted = [switch.is_wanted]
    switch.add(JobFinished, None, 1)
    assert [*wanted, switch.is_wanted] == [False, True]
    switch.after(fail)
    switch.after(flush)
    switch.note(JobStarted, "a")
    was_early = switch.has_come
    switch.note(JobFinished, "a")
    switch.note(JobFinished, "a")

    with fail_after(10):
        await flushed.wait()
        assert switch._dying is not None
        await switch._dying

    assert not was_early
    assert killed == [(os.getpid(), signal.SIGKILL)]


@pytest.mark.anyio
async def test_it_ends_even_where_a_store_raises_what_nobody_expects(
    killed: list[tuple[int, int]],
) -> None:
    async def fail() -> None:
        raise ValueError("of a store of somebody's")

    switch = KillSwitch()
    switch.add(JobFinished, None, 1)
    switch.after(fail)
    switch.note(JobFinished, "a")
    assert switch._dying is not None

    with pytest.raises(ValueError, match="of a store"):
        await switch._dying

    assert killed == [(os.getpid(), signal.SIGKILL)]
