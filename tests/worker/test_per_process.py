"""Globals that each process has its own of."""

from __future__ import annotations

import contextvars
import pickle
import threading
from typing import Any

import pytest

from asyncflow.worker.per_process import stands_for


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(stands_for(value)))


@pytest.mark.parametrize(
    "make",
    [
        threading.Lock,
        threading.RLock,
        threading.local,
        threading.Event,
        threading.Condition,
        lambda: contextvars.ContextVar("x"),
    ],
)
def test_each_is_made_anew_and_found_again(make: Any) -> None:
    one, other = make(), make()

    found = sent(one)

    assert type(found) is type(one)
    assert found is not one
    assert sent(one) is found
    assert sent(other) not in (found, other)


def test_a_lock_that_is_held_is_free_elsewhere() -> None:
    with (lock := threading.Lock()):
        assert not sent(lock).locked()


def test_context_variables_keep_their_defaults() -> None:
    variable = contextvars.ContextVar("with", default="first")
    variable.set("second")
    found = sent(variable)

    assert (found.name, found.get()) == ("with", "first")
    assert sent(contextvars.ContextVar("without")).get("nothing") == "nothing"


@pytest.mark.parametrize("value", [1, "a", [threading], threading.Thread])
def test_all_else_travels_as_it_is(value: object) -> None:
    assert stands_for(value) is value
