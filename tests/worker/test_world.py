"""The world of a parent: what its workers are told where it has changed."""

from __future__ import annotations

import logging

from asyncflow.worker.world import World


def test_a_change_of_levels_is_a_new_world() -> None:
    world = World()
    number = world.look()
    assert world.look() == number
    one = logging.getLogger("tests.world")
    one.setLevel(logging.DEBUG)

    try:
        assert world.look() == number + 1
        assert world.look() == number + 1
    finally:
        one.setLevel(logging.NOTSET)

    assert world.look() == number + 2
