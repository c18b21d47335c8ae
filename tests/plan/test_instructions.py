"""What the plan says that is to be done: compared by content, never changed."""

from __future__ import annotations

import attrs
import pytest

from asyncflow.plan.instructions import Block, End, Finish, Kill, MakeReady
from asyncflow.status import Status

ALL = [
    Block(1, [0]),
    MakeReady(1, [0]),
    End((1, 0), Status.CANCELED, "why"),
    Kill((1, 0), "why"),
    Finish(1),
]


def test_instructions_of_one_content_and_kind_are_equal() -> None:
    assert Kill((1, 0), "why") == Kill((1, 0), "why", Status.CANCELED)
    assert Kill((1, 0), "why") != Kill((1, 0), "why", Status.FAILED)
    assert [ALL.index(one) for one in ALL] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("one", ALL, ids=lambda one: type(one).__name__)
def test_an_instruction_is_not_changed(one: object) -> None:
    name = attrs.fields(type(one))[0].name  # type: ignore[arg-type]  # all are attrs'

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(one, name, None)


def test_an_instruction_shows_what_is_to_be_done() -> None:
    assert "ref=(1, 0)" in repr(ALL[2])
    assert "CANCELED" in repr(ALL[2])
