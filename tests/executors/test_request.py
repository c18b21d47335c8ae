"""What a trip rests on: the spool, the tokens, the slices of logs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.worker import spool
from asyncflow.worker.outcome import Log, cut, read_slice
from asyncflow.worker.spool import Spool
from asyncflow.worker.streams import decoded
from asyncflow.worker.tokens import MOST, Tokens
from tests.support.programs import environment

LONG = st.integers(1, spool.MAPPED).map(b"long".ljust)
OUTCOMES = st.lists(st.binary(max_size=40) | LONG, max_size=6)
"""Small ones, and such as do not fit into what is mapped of a spool."""

# A fixture's folder serves all examples: each writes its file anew.
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(path: Path, *trips: tuple[int, list[bytes]]) -> None:
    """Have a worker make trips: number and outcomes of each."""
    one = Spool(str(path))

    for number, outcomes in trips:
        one.begin(number)

        for outcome in outcomes:
            one.append(outcome)

    one.close()


def size_of(outcomes: list[bytes]) -> int:
    """Return how many bytes they take in a spool."""
    return sum(16 + len(one) for one in outcomes)


@one_folder
@given(outcomes=OUTCOMES, data=st.data())
def test_a_spool_that_breaks_off_gives_what_is_whole(
    tmp_path: Path, outcomes: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path / "spool"
    written(path, (7, outcomes))
    ends = [size_of(outcomes[:count]) for count in range(7)]
    left = data.draw(st.integers(0, ends[-1]))
    os.truncate(path, left)

    found = spool.read(str(path), 7)

    whole = max(count for count in range(len(outcomes) + 1) if ends[count] <= left)
    assert found == outcomes[:whole]

    os.truncate(path, ends[-1])  # zeros follow, as in the file of a worker

    assert spool.read(str(path), 7)[:whole] == outcomes[:whole]
    assert spool.read(str(path), 7) in [outcomes[:count] for count in range(7)]


@one_folder
@given(last=OUTCOMES, this=OUTCOMES, asked=st.integers(1, 3))
def test_a_spool_gives_nothing_of_another_trip(
    tmp_path: Path, last: list[bytes], this: list[bytes], asked: int
) -> None:
    path = tmp_path / "spool"
    written(path, (1, last), (2, this))

    assert spool.read(str(path), asked) == (this if asked == 2 else [])


@one_folder
@given(last=OUTCOMES, this=OUTCOMES)
def test_a_trip_of_the_same_number_forgets_the_last_one(
    tmp_path: Path, last: list[bytes], this: list[bytes]
) -> None:
    """Two executors of one program count their trips each."""
    path = tmp_path / "spool"
    written(path, (2, last), (2, this))

    assert spool.read(str(path), 2) == this


@one_folder
@given(last=OUTCOMES, this=OUTCOMES)
def test_what_another_trip_has_left_ends_a_spool(
    tmp_path: Path, last: list[bytes], this: list[bytes]
) -> None:
    """Whatever follows what is ours, as long as it is not ours."""
    path = tmp_path / "spool"
    written(path, (1, last))
    rest = path.read_bytes()
    written(path, (2, this))

    with open(path, "r+b") as file:
        file.seek(size_of(this))
        file.write(rest)

    assert spool.read(str(path), 2) == this


@pytest.mark.smoke
def test_a_spool_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert spool.read(str(tmp_path / "none"), 1) == []


# ---------------------------------------------------------------------------- tokens


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
    tokens.give(MOST)
    assert tokens.take(MOST) == MOST


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
        mine.give(MOST)
        other.stdin.write("\n")
        other.stdin.flush()
        taken = sum(iter(mine.take, 0))
        theirs = int(other.stdout.read())

    assert taken + theirs == MOST
    assert mine.take() == 0
    mine.close()


# ------------------------------------------------------------------------------ logs


@one_folder
@given(
    data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode),
    ends=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    most=st.integers(2, 120),
)
def test_a_slice_of_a_log_is_kept_up_to_its_cap(
    tmp_path: Path, data: bytes, ends: tuple[int, int], most: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    start, end = sorted(min(one, len(data)) for one in ends)

    printed = Log(str(path), start, end).read(most)

    if start == end:
        assert printed is None
        return

    assert printed is not None
    whole = data[start:end]
    printed.text.encode()  # valid text

    if len(whole) <= most:
        assert (printed.text, printed.left_out) == (
            whole.decode("utf-8", "backslashreplace"),
            0,
        )
        return

    half = most // 2
    assert printed.left_out == len(whole) - 2 * half
    first, last = printed.text.split(f"\n... {printed.left_out} bytes left out ...\n")
    assert first == decoded(whole[:half], is_cut=True)
    assert last == decoded(whole[len(whole) - half :], is_cut=True)
    # What is no text counts as four characters for each byte at most.
    assert len(first) <= 4 * half
    assert len(last) <= 4 * half


@given(text=st.text(max_size=200), most=st.integers(2, 100))
def test_a_text_is_kept_up_to_its_cap(text: str, most: int) -> None:
    printed = cut(text, most)

    if not text:
        assert printed is None
        return

    assert printed is not None

    if len(text) <= most:
        assert (printed.text, printed.left_out) == (text, 0)
        return

    half = most // 2
    assert printed.left_out == len(text) - 2 * half
    note = f"\n... {printed.left_out} bytes left out ...\n"
    assert printed.text == text[:half] + note + text[-half:]


def test_a_log_that_was_emptied_meanwhile_is_cut_short(tmp_path: Path) -> None:
    """Its worker begins it anew once it is large."""
    path = tmp_path / "log"
    path.write_bytes(b"abc")

    with open(path, "rb") as file:
        printed = read_slice(file.fileno(), 1, 10, 100)

    assert printed is not None
    assert printed.text == "bc"
