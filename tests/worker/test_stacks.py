"""Stacks that are told when a signal comes."""

from __future__ import annotations

import faulthandler
import os
import signal
from pathlib import Path

from asyncflow.worker import stacks
from tests.support import programs


def test_they_are_written_when_asked_for_and_not_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "1.stacks"
    assert stacks.path_of(str(tmp_path / "1.log")) == str(file)
    end = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    before = signal.getsignal(stacks.ASK)

    try:
        faulthandler.register(stacks.ASK, end)  # as a job may have left it
        stacks.tell(end, end)
        os.kill(os.getpid(), stacks.ASK)
        assert "test_they_are_written" in file.read_text()
        stacks.forget()
        size = file.stat().st_size
        signal.signal(stacks.ASK, lambda *_: None)  # a handler, so that it ends nothing
        os.kill(os.getpid(), stacks.ASK)
        assert file.stat().st_size == size
    finally:
        signal.signal(stacks.ASK, before)
        faulthandler.enable()
        os.close(end)


FORKS = """
import os, signal
from asyncflow.worker import stacks

ends = lambda: os.kill(os.getpid(), signal.SIGTERM)
os.register_at_fork(after_in_child=ends)  # before what the worker does there
stacks.tell(2, 2)
stacks.forget_in_forks()

for _ in range(2):
    if not (pid := os.fork()):
        os._exit(0)

    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_a_fork_that_is_ended_at_its_first_step_writes_none(tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    assert programs.run(script, folder=tmp_path).split() == ["-15", "-15", "False"]
