"""What databases take."""

from __future__ import annotations

import pytest

from asyncflow.abc.sizes import MeasuredStore
from tests.support.postgres import database as database
from tests.support.records import log_record, node_record, version_record
from tests.support.stores import SHARED, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("kind", SHARED, indirect=True, scope="session"),
]


@pytest.fixture
def tables(database: str) -> str:
    """Return what is new: there is no room yet of what was deleted."""
    return database


async def test_what_jobs_printed_and_small_values_are_measured(place: Place) -> None:
    async with place.store() as store:
        assert isinstance(store, MeasuredStore)
        before = await store.sizes()
        assert before.database > 10_000
        value = version_record(1, kept=b"x" * 40_000)
        store.save(node_record("n_1"), value)
        store.save(log_record(1, text="é" * 50_000), log_record(2, text="a"))
        await store.flush()
        after = await store.sizes()
        # One of them compresses what is so alike.
        assert after.logs > before.logs
        assert after.values > before.values
        assert after.database >= after.logs + after.values
        assert [*after.tables.values()] == sorted(after.tables.values(), reverse=True)
        assert sum(after.tables.values()) in (0, after.database)
