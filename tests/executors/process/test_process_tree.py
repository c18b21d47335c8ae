"""What a worker has started is found, told from others, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import attrs
import pytest

from asyncflow.executors.process import process_tree
from asyncflow.executors.process.process_tree import (
    Member,
    bury,
    has_started_any,
    left,
    look,
    now,
    stopped,
)
from asyncflow.worker.parent import MARK
from tests.support.processes import await_death, await_state, lives

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the system shows its processes"
)

THEIRS = f"mark/{os.getpid()}"
"""Tests that run beside these have another: what has theirs is killed."""

FAMILY = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
environment = {name: text for name, text in os.environ.items() if name != MARK}
away = subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True)
print(child.pid, away.pid, flush=True)
sys.stdin.read()
os._exit(0)
"""


@attrs.frozen
class Family:
    """A process that leads a group, with a child in that and one in another."""

    process: subprocess.Popen[str]
    child: int
    away: int
    born: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def look(self) -> list[Member]:
        return look(self.pid, THEIRS, self.born)

    def end(self) -> None:
        """Have its first process end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture
def family() -> Iterator[Family]:
    born = now()

    with subprocess.Popen(
        [sys.executable, "-S", "-c", f"MARK = {MARK!r}{FAMILY}"],
        env={**os.environ, MARK: THEIRS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        child, away = map(int, process.stdout.readline().split())

        yield Family(process, child, away, born)

        for pid in (process.pid, child, away):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def pids(members: list[Member]) -> set[int]:
    return {one.pid for one in members}


def test_the_group_the_children_and_the_mark_are_found(family: Family) -> None:
    assert has_started_any(family.pid)
    found = family.look()
    assert pids(found) == {family.child, family.away}
    assert {one.parent for one in found} == {family.pid}


def test_what_was_started_earlier_is_none_of_it(family: Family) -> None:
    assert look(family.pid, THEIRS, now() + 1000) == []


def test_a_mark_is_found_when_the_worker_is_dead(family: Family) -> None:
    known = family.look()
    family.end()

    # The one that has left the group has no mark: it is known from before.
    assert pids(family.look()) == {family.child}
    assert pids(left(family.pid, THEIRS, family.born, known)) == pids(known)


def test_who_has_started_none_has_none() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        assert not has_started_any(process.pid)
        assert look(process.pid, "no mark", 0) == []
        process.kill()

    assert has_started_any(process.pid)  # nobody knows of one that is gone


def test_stopped_ones_start_nothing(family: Family) -> None:
    family.process.send_signal(signal.SIGSTOP)
    found = stopped(family.pid, THEIRS, family.born, [])
    assert pids(found) == {family.child, family.away}

    for one in found:
        await_state(one.pid, "T")


def test_what_is_left_of_a_dead_one_is_killed(family: Family) -> None:
    known = family.look()
    family.end()
    bury(family.pid, THEIRS, family.born, known, time.monotonic())
    assert not lives(family.child)
    assert not lives(family.away)


def test_a_signal_hits_nobody_who_has_the_id_since(family: Family) -> None:
    (one,) = [one for one in family.look() if one.pid == family.child]
    former = Member(one.pid, one.group, one.parent, one.started - 1)
    former.signal(signal.SIGKILL)
    assert lives(family.child)
    one.signal(signal.SIGKILL)
    await_death(family.child)
    one.signal(signal.SIGKILL)  # it is gone: nothing to do


def test_where_nothing_is_shown_the_group_is_killed(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    family.end()
    monkeypatch.setattr(process_tree, "IS_SHOWN", False)
    bury(family.pid, THEIRS, family.born, [], time.monotonic())
    assert not lives(family.child)
