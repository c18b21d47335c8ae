"""What happens to a job: of which task, and to the how many-th."""

from __future__ import annotations

import pytest

from asyncflow.testing._fault import Fault


@pytest.mark.parametrize(
    ("attempt", "strikes"),
    [
        (1, [True, False, False]),
        (3, [False, False, True]),
        (None, [True, True, True]),
    ],
)
def test_it_counts_the_jobs_of_its_task(
    attempt: int | None, strikes: list[bool]
) -> None:
    fault = Fault("work", attempt, None)
    found = []

    for _ in range(3):
        assert not fault.strikes("another")
        found.append(fault.strikes("work"))

    assert found == strikes
    assert fault.has_happened


def test_it_has_not_happened_before_its_job() -> None:
    fault = Fault("work", 2, ValueError)
    fault.strikes("another")
    fault.strikes("work")
    assert not fault.has_happened


def test_it_is_told_in_words() -> None:
    assert str(Fault("t", 2, None)) == "the crash of job 2 of task 't'"
    assert str(Fault("t", None, KeyError)) == "the failure of every job of task 't'"
