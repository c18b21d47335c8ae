"""One large array, many readers: it is written once, and mapped where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asyncflow import Orchestrator
from asyncflow.entities.data_node import node_of

pytestmark = pytest.mark.anyio

SIZE = 100_000_000
READERS = 50


def make_array(size: int) -> Any:
    import numpy as np

    return np.ones(size, dtype="u1")


def where_it_lies(array: Any) -> tuple[int, str]:
    """Return the sum of an array, and the file that its memory is a map of."""
    address = array.__array_interface__["data"][0]

    with open("/proc/self/maps") as maps:
        for line in maps:
            begin, _, end = line.split()[0].partition("-")

            if int(begin, 16) <= address < int(end, 16):
                return int(array.sum()), line.split(maxsplit=5)[5].strip()

    return int(array.sum()), ""


async def test_fifty_readers_of_one_array_map_one_file(
    orchestrator: Orchestrator,
) -> None:
    pytest.importorskip("numpy")
    config = orchestrator.config
    size = config.configure_in_memory_data_node("size", default_data=SIZE)
    array = config.configure_in_memory_data_node("array")
    sums = [
        config.configure_in_memory_data_node(f"sum{index}") for index in range(READERS)
    ]
    tasks = [config.configure_task("make", make_array, size, array)]
    tasks += [
        config.configure_task(f"read{index}", where_it_lies, array, node)
        for index, node in enumerate(sums)
    ]
    scenario = await orchestrator.create_scenario(
        config.configure_scenario("many_readers", tasks)
    )
    await scenario.submit()
    found = [await scenario.data_nodes[node.id].read() for node in sums]

    assert {total for total, _ in found} == {SIZE}
    (path,) = {path for _, path in found}
    version = node_of(scenario.data_nodes["array"]).version
    assert version is not None
    assert path == version.kept
    files = [one for one in Path(path).parent.iterdir() if one.stat().st_size >= SIZE]
    assert files == [Path(path)]
