"""Versions: one value of a data node each."""

from __future__ import annotations

from datetime import UTC, datetime

from asyncflow.runs.node import Version


def test_its_number_is_when_it_was_made() -> None:
    version = Version(1_500_000_000_250_000_000, b"value")
    assert version.at == datetime(2017, 7, 14, 2, 40, 0, 250_000, tzinfo=UTC)


def test_two_of_the_same_value_are_two() -> None:
    assert Version(1, b"value") != Version(1, b"value")
