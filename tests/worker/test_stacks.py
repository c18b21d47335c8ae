"""Stacks that are told when a signal comes."""

from __future__ import annotations

import faulthandler
import os
import signal
from pathlib import Path

from asyncflow.worker import stacks


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
