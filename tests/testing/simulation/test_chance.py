"""Chance: it follows from a seed, and draws do not disturb each other."""

from __future__ import annotations

from asyncflow.testing.simulation.chance import Chance


def test_it_follows_from_its_seed() -> None:
    one, same, other = Chance("1"), Chance("1"), Chance("2")

    assert one.of("a").random() == same.of("a").random() != other.of("a").random()
    assert one.bytes(8) == same.bytes(8)
    assert one.random() == same.random()


def test_a_name_is_asked_again_for_another_draw() -> None:
    one, same = Chance("1"), Chance("1")
    same.next("b")  # disturbs nobody

    draws = [one.next("a").random() for _ in range(3)]

    assert draws == [same.next("a").random() for _ in range(3)]
    assert len({*draws}) == 3
