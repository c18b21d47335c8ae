"""Callbacks of the blocking face."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.sync.callback import Callback
from asyncflow.sync.loop import Loop

pytestmark = pytest.mark.smoke


def doubled(value: Any, _: Loop) -> Any:
    return 2 * value


def test_it_is_called_with_what_is_made_of_handles() -> None:
    given: list[int] = []
    callback = Callback(given.append, Loop.__new__(Loop), doubled)
    callback(4)
    assert given == [8]


def test_two_of_one_function_are_equal() -> None:
    loop = Loop.__new__(Loop)
    one, other = [Callback(print, loop, doubled) for _ in range(2)]
    assert one == other
    assert one != Callback(len, loop, doubled)
    assert repr(one) == "print"


def test_what_is_no_function_is_refused() -> None:
    value: Any = 5

    with pytest.raises(TypeError, match="a callback is a function; got 5"):
        Callback(value, Loop.__new__(Loop), doubled)
