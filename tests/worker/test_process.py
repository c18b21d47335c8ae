"""A process that is made safe for users' code: its output, its questions, its interrupts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import LIMIT, environment

WORKER = """
import json, logging, os, sys
from asyncflow.worker import process, spool

answers = open(os.dup(1), "w")
settled = process.settle(sys.argv[1], None, os.getppid(), is_moved=True)
found = {"pid": settled.pid, "leads": os.getsid(0) == os.getpid()}


def job(function):
    settled.begin_trip(1)
    settled.records.job_id = "JOB_a_1"
    function()
    printed = settled.end_job(1000, is_long=True)
    settled.spool.append(b"outcome")
    settled.end_trip()
    settled.put_rest_right()
    return printed and printed.text


def prints():
    print("row")
    os.system("echo child >&2")
    print("note", file=sys.stderr)
    os.write(1, b"raw\\n")


def spoils():
    sys.stdout.close()
    os.closerange(0, 3)
    os.chdir("/")


def asks(question):
    try:
        question()
    except (EOFError, RuntimeError) as error:
        found[question.__name__] = f"{type(error).__name__}: {error}"


def ask():
    asks(input)
    asks(breakpoint)


found["here"] = os.getcwd()
found["printed"] = job(prints)
found["nothing"] = job(lambda: None)
found["spoiled"] = job(spoils)
found["again"] = job(prints)
found["logged"] = job(lambda: logging.getLogger("etl").warning("odd"))
job(ask)
found["then"] = os.getcwd()
found["spool"] = len(spool.read(settled.log_path.replace(".log", ".spool"), 1))
os.mkdir("other")
found["moved"] = process.settle("other", None, os.getppid(), is_moved=True) is settled
found["path"] = settled.log_path
found["elsewhere"] = job(prints)
json.dump(found, answers)
answers.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Have a process settle and run jobs; return what it found."""
    folder = tmp_path_factory.mktemp("worker")
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(folder)],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    assert (folder / f"{answer['pid']}.log").exists()
    return answer


OUTPUT = "row\n\x12\x02\x12child\n\x14\x02\x14\x12\x02\x12note\n\x14\x02\x14raw\n"


def test_output_goes_to_the_log_in_its_order(found: dict[str, Any]) -> None:
    assert found["printed"] == found["again"] == OUTPUT
    assert found["nothing"] is found["spoiled"] is None
    assert found["leads"]


def test_log_records_are_in_the_log(found: dict[str, Any]) -> None:
    assert "WARNING etl: odd\n" in found["logged"]
    assert found["logged"].startswith("\x12\x03\x12")


def test_a_job_comes_back_to_the_folder(found: dict[str, Any]) -> None:
    assert found["here"] == found["then"]


def test_a_question_says_that_nobody_can_answer(found: dict[str, Any]) -> None:
    assert found["input"].startswith("EOFError: input() in a job: a worker process has")
    assert "mode='development'" in found["breakpoint"]


def test_each_trip_has_a_spool_of_its_own(found: dict[str, Any]) -> None:
    assert found["spool"] == 1


def test_a_second_call_only_moves_the_files(found: dict[str, Any]) -> None:
    assert found["moved"]
    assert found["path"] == f"other/{found['pid']}.log"
    assert found["elsewhere"] == OUTPUT


def test_the_streams_of_anyios_loop_leave_the_standard_ones(tmp_path: Path) -> None:
    """What it reads and writes goes on; children have none of it."""
    code = """
import os, sys
from asyncflow.worker import process
process._move_protocol()
null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 0)
os.dup2(null, 1)
os.system("echo of a child")
sys.stdout.buffer.write(sys.stdin.buffer.readline())
sys.stdout.flush()
"""
    done = subprocess.run(
        [sys.executable, "-u", "-c", code],
        input=b"request\n",
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=LIMIT,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"request\n", b"")
    assert os.listdir(tmp_path) == []


NO_ROOM = """
import os, resource, sys
from asyncflow.worker import process

answers = open(os.dup(1), "w")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))

try:
    process.settle(sys.argv[1], None, os.getppid(), is_moved=True)
except OSError as error:
    print(error, file=answers)
"""


@pytest.mark.parametrize("room", [0, 1000])
def test_where_there_is_no_room_for_its_files_it_says_so(
    tmp_path: Path, room: int
) -> None:
    command = [sys.executable, "-c", NO_ROOM, str(tmp_path), str(room)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )
    assert "File too large: have some room there, or set TMPDIR" in done.stdout
    assert str(tmp_path) in done.stdout
