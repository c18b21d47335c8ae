"""The spool: what a trip's calls came to, kept whole while it is under way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.worker import spool
from asyncflow.worker.spool import Spool

LONG = st.integers(1, spool.MAPPED).map(b"long".ljust)


OUTCOMES = st.lists(st.binary(max_size=40) | LONG, max_size=6)
"""Small ones, and such as do not fit into what is mapped of a spool."""


# A fixture's folder serves all examples: each writes its file anew.
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


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
