"""What the columns of a value have, found by a worker."""

from __future__ import annotations

from os import getpid

import pytest

from asyncflow import NoData, Orchestrator
from asyncflow.entities.columns import columns_of
from asyncflow.filters import as_where
from tests.support import flows

pytestmark = pytest.mark.anyio


class Placed:
    """Says in which process it is compared."""

    def __init__(self) -> None:
        self.pid = 0

    def __lt__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return f"shown in {getpid()}"


async def test_a_worker_finds_them(orchestrator: Orchestrator) -> None:
    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    await node.write([{"a": 1, "b": "x"}, {"a": 5, "b": None}, {"a": 9, "b": "y"}])
    found = await columns_of(node)
    assert found is not None
    assert [column.present for column in found.columns] == [3, 2]
    assert found.columns[0].mean == 5

    where = as_where(("a", 4, ">"))
    found = await columns_of(node, where)
    assert found is not None
    assert (found.total, found.columns[0].smallest) == (2, 5)

    await node.write([Placed(), Placed()])
    found = await columns_of(node)
    assert found is not None
    assert str(found.columns[0].smallest).startswith("shown in ")
    assert str(getpid()) not in str(found.columns[0].smallest)

    await node.write(1)
    assert await columns_of(node) is None

    with pytest.raises(NoData):
        await columns_of(scenario.data_nodes["result"])
