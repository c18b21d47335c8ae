"""The simulator is judged by what it finds in an engine that is broken on purpose."""

from __future__ import annotations

import pytest

from tests.testing.simulation.mutations import MUTATIONS, PACKAGE, found

MISSED = 1
"""How many of twenty may not be found."""


def test_there_are_twenty_of_different_kinds() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 20
    assert len({mutation.file for mutation in MUTATIONS}) >= 12


@pytest.mark.limit(3600)
def test_nineteen_of_twenty_are_found(request: pytest.FixtureRequest) -> None:
    seconds = request.config.getoption("--mutations")

    if seconds is None:
        pytest.skip("it takes its time: --mutations 60")

    missed = [one.name for one in MUTATIONS if found(one, seconds) is None]
    assert len(missed) <= MISSED * len(MUTATIONS) // 20, missed


def test_they_still_apply() -> None:
    stale = [
        one.name
        for one in MUTATIONS
        if (PACKAGE / one.file).read_text().count(one.old) != 1
    ]
    assert len(stale) <= 2, f"change them as the engine has changed: {stale}"
