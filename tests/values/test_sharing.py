"""Whether others use the store of an orchestrator: told once, and for good."""

from __future__ import annotations

from asyncflow.values.sharing import StoreSharing


def test_an_orchestrator_is_alone_at_first() -> None:
    sharing = StoreSharing()
    assert not sharing.is_shared
    assert not sharing.has_unnotified_peer


def test_the_begin_is_told_once() -> None:
    sharing = StoreSharing()
    told: list[bool] = []
    sharing.begun = lambda: told.append(sharing.is_shared)

    for _ in range(2):
        sharing.begin()

    assert told == [True]  # it is known before it is told


def test_nobody_has_to_be_told() -> None:
    sharing = StoreSharing()
    sharing.begin()
    assert sharing.is_shared
