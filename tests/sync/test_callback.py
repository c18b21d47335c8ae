"""Callbacks of the blocking face."""

from __future__ import annotations

from typing import Any, cast

import pytest

from asyncflow.sync.callback import Callback

LOOP = cast(Any, None)  # nothing is asked of it for what is no handle


def test_it_is_called_with_what_is_given() -> None:
    given: list[object] = []
    Callback(lambda *all_of_it: given.extend(all_of_it), LOOP)(1, "a")
    assert given == [1, "a"]


def test_two_of_one_function_are_equal() -> None:
    assert Callback(print, LOOP) == Callback(print, LOOP)


def test_it_is_named_as_its_function() -> None:
    assert repr(Callback(print, LOOP)) == "print"


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="a callback is a function; got 5"):
        Callback(cast(Any, 5), LOOP)
