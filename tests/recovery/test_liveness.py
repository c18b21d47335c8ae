"""Whether the process of an orchestrator is alive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.records import OrchestratorRecord
from asyncflow.recovery.liveness import host, is_dead, place, start_time, started


def record(
    pid: int, begun: str, name: str = "", lease: float = 0.0
) -> OrchestratorRecord:
    return OrchestratorRecord("ORCHESTRATOR_1", name or host(), pid, begun, "", lease)


def dead(one: OrchestratorRecord, *own_ids: str) -> bool:
    return is_dead(one, own_ids=own_ids, now=time.time())


@pytest.mark.smoke
def test_a_process_is_told_from_others_with_its_pid() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as one:
        begun = started(one.pid)
        assert begun
        assert begun == started(one.pid)
        assert not dead(record(one.pid, begun))
        assert dead(record(one.pid, f"{place()}:another start"))
        one.kill()

        while started(one.pid):  # a zombie, until it is waited for
            pass

        assert dead(record(one.pid, begun))

    assert not started(one.pid)


def test_what_closed_has_ended_though_its_pid_may_be_used_again() -> None:
    assert dead(record(2**22 + 1, "closed"))


def test_an_orchestrator_of_this_process_is_alive_while_it_is_open() -> None:
    one = record(os.getpid(), started(os.getpid()))
    assert not dead(one, one.id)
    assert dead(one)


def test_one_of_another_host_is_alive_until_its_lease_ends() -> None:
    now = time.time()
    assert not is_dead(record(1, "x", "elsewhere", now + 1), own_ids=(), now=now)
    assert is_dead(record(1, "x", "elsewhere", now - 1), own_ids=(), now=now)


@pytest.mark.parametrize(
    "begun",
    [
        "00000000-0000-0000-0000-000000000000:pid:[4026531836]:12",  # another boot
        "{boot}:pid:[1]:12",  # another container
        "{boot}:12",  # before namespaces were told
        "{boot}:pid:[4026531836",
        "{place}",
        "",
    ],
)
@pytest.mark.parametrize(
    "pid", [1, os.getpid(), 2**22 + 1], ids=["first", "own", "none"]
)
def test_one_that_cannot_be_seen_is_alive_until_its_lease_ends(
    begun: str, pid: int
) -> None:
    """Containers may have one host name, and other processes under the same pids."""
    boot, now = place().partition(":")[0], time.time()
    begun = begun.format(boot=boot, place=place())
    ids = ["ORCHESTRATOR_2"]
    later = record(pid, begun, lease=now + 1)
    assert not is_dead(later, own_ids=ids, now=now)
    assert not is_dead(later, own_ids=ids, now=None)
    assert is_dead(record(pid, begun, lease=now - 1), own_ids=ids, now=now)


def test_an_open_one_of_this_process_is_alive_wherever_it_is_seen() -> None:
    one = record(1, "elsewhere")
    assert not is_dead(one, own_ids=[one.id], now=time.time())


@pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces")
def test_processes_of_another_namespace_are_not_looked_for(
    tmp_path: Path,
) -> None:
    """As in a container that has the file system of its host."""
    (tmp_path / "self").symlink_to("1234567")
    code = (
        "from asyncflow.recovery import liveness as _alive\n"
        f"_alive._PROCESS = {str(tmp_path / 'self')!r}\n"
        "assert _alive.place() == ''\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(st.characters(exclude_characters="\0")), st.integers(0, 2**63))
def test_reads_the_start_time_whatever_the_command_is_called(
    name: str, at: int
) -> None:
    fields = " ".join(str(number) for number in range(4, 22))
    assert start_time(f"12 ({name}) S {fields} {at} 0 0") == str(at)
    assert start_time(f"12 ({name}) Z {fields} {at} 0 0") is None
