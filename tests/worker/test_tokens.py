"""Tokens: each call is started by the worker, or taken back, never both."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.worker.tokens import MAX_TOKENS, Tokens
from tests.support.programs import environment

# A fixture's folder serves all examples: each writes its file anew.
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    one = Tokens.make(str(tmp_path / "tokens"))
    yield one
    one.close()


def test_tokens_are_taken_as_far_as_there_are(tokens: Tokens) -> None:
    assert tokens.take() == 0
    tokens.give(3)
    assert [tokens.take(), tokens.take(5), tokens.take()] == [1, 2, 0]


def test_as_many_tokens_as_are_allowed_fit(tokens: Tokens) -> None:
    tokens.give(MAX_TOKENS)
    assert tokens.take(MAX_TOKENS) == MAX_TOKENS


def test_a_new_pipe_has_no_tokens_of_the_old_one(tmp_path: Path) -> None:
    path = str(tmp_path / "tokens")
    old = Tokens.make(path)
    old.give(5)
    new = Tokens.make(path)

    assert new.take() == 0
    new.close()
    old.close()
    old.close()  # nothing to do


@one_folder
@given(count=st.integers(1, 64), after=st.integers(0, 64), many=st.booleans())
def test_two_threads_take_each_token_once(
    tmp_path: Path, count: int, after: int, many: bool
) -> None:
    """The parent takes the rest at some moment, while the worker takes one by one."""
    path = str(tmp_path / "tokens")
    worker, parent = Tokens.make(path), Tokens(path)
    parent.give(count)
    reached = threading.Event()
    started: list[int] = []

    def work() -> None:
        while worker.take():
            started.append(1)

            if len(started) >= min(after, count):
                reached.set()

        reached.set()

    thread = threading.Thread(target=work)
    thread.start()
    reached.wait()
    back = parent.take(count) if many else sum(iter(parent.take, 0))
    thread.join()

    assert len(started) + back == count
    assert parent.take() == worker.take() == 0
    parent.close()
    worker.close()


TAKER = """
import sys
from asyncflow.worker.tokens import Tokens

tokens = Tokens(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(sum(iter(tokens.take, 0)))
"""


def test_two_processes_take_each_token_once(tmp_path: Path) -> None:
    path = str(tmp_path / "tokens")
    mine = Tokens.make(path)
    command = [sys.executable, "-c", TAKER, path]

    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        mine.give(MAX_TOKENS)
        other.stdin.write("\n")
        other.stdin.flush()
        taken = sum(iter(mine.take, 0))
        theirs = int(other.stdout.read())

    assert taken + theirs == MAX_TOKENS
    assert mine.take() == 0
    mine.close()
