"""What the blocking handles have in common: they wrap an async one."""

from __future__ import annotations

import copy
import pickle

import attrs
import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow import NotPicklable
from asyncflow.sync.forwarding import Forwarded, Handle
from asyncflow.sync.loop import Loop


def test_passed_attributes_are_those_of_the_async_handles() -> None:
    for kind in (tp.DataNode, tp.Job, tp.Scenario, tp.Sequence, tp.Submission, tp.Task):
        ours = {
            name
            for part in kind.__mro__
            for name, value in vars(part).items()
            if isinstance(value, Forwarded)
        }
        theirs = set(dir(getattr(asyncflow, kind.__name__)))
        assert "id" in ours
        assert ours <= theirs


@attrs.frozen
class Inner:
    """What a handle wraps."""

    name: str
    count: int = 3


class Wrapping(Handle[Inner]):
    """A blocking handle."""

    __slots__ = ()

    name: Forwarded[str] = Forwarded()
    count: Forwarded[int] = Forwarded()
    gone: Forwarded[int] = Forwarded()


@pytest.fixture
def loop() -> Loop:
    """Give one that no attribute needs."""
    return Loop.__new__(Loop)


def test_an_attribute_is_that_of_the_wrapped_handle(loop: Loop) -> None:
    handle = Wrapping(Inner("a"), loop)
    assert (handle.name, handle.count) == ("a", 3)
    assert repr(handle) == "Inner(name='a', count=3)"
    assert isinstance(Wrapping.name, Forwarded)

    with pytest.raises(AttributeError, match="gone"):
        _ = handle.gone

    with pytest.raises(AttributeError):
        handle.name = "b"


def test_two_of_the_same_thing_are_equal(loop: Loop) -> None:
    one, other = Wrapping(Inner("a"), loop), Wrapping(Inner("a"), loop)
    assert one == other
    assert len({one, other, Wrapping(Inner("b"), loop)}) == 2
    assert one != Wrapping(Inner("a"), Loop.__new__(Loop))


def test_a_handle_cannot_be_passed_on(loop: Loop) -> None:
    handle = Wrapping(Inner("a"), loop)
    assert copy.copy(handle) is handle

    with pytest.raises(NotPicklable, match="a Wrapping is of the program that opened"):
        pickle.dumps(handle)
