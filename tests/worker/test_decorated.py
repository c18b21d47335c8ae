"""Functions whose modules have tasks under their names."""

from __future__ import annotations

from asyncflow import Configuration
from asyncflow.worker.decorated import found, reduced, same, task_of

config = Configuration()


@config.task
def own(value: int = 1) -> int:
    return value


def plain(value: int) -> int:
    return value


def test_the_task_of_a_function() -> None:
    assert task_of(own.function) is own
    assert task_of(plain) is None
    assert task_of(len) is None


def test_it_is_found_by_its_name() -> None:
    assert found(__name__, "own") is own.function
    assert found(__name__, "plain") is plain


def test_one_that_no_task_hides_travels_whole() -> None:
    assert reduced(plain) == (same, (plain,))
    assert same(plain) is plain
