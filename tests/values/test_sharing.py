"""Whether others use the store of an orchestrator: told once, and for good."""

from __future__ import annotations

from asyncflow.values.sharing import StoreSharing


def test_an_orchestrator_is_alone_at_first() -> None:
    sharing = StoreSharing()
    assert not sharing.is_shared
    assert not sharing.has_unnotified_peer


class Pins:
    def __init__(self, sharing: StoreSharing) -> None:
        self.sharing = sharing
        self.noted: list[bool] = []

    def note_all(self) -> None:
        self.noted.append(self.sharing.is_shared)


def test_what_runs_read_is_noted_once() -> None:
    sharing = StoreSharing()
    sharing.pins = pins = Pins(sharing)

    for _ in range(2):
        sharing.begin()

    assert pins.noted == [True]  # it is known before it is noted


def test_nobody_has_to_be_told() -> None:
    sharing = StoreSharing()
    sharing.begin()
    assert sharing.is_shared
