"""A part of a Parquet file takes little memory in a worker, and none in the program."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.support import programs

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="/proc says what a process has taken"
)

PROGRAM = """
import anyio
from asyncflow import Config, Orchestrator

PART = {"columns": ["c0", "c4"], "filters": [("c4", "<", 0.01)]}


def taken(name):
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith(name))

    return int(line.split()[1]) * 1024


def measure(frame):
    return len(frame), len(frame.columns), taken("VmHWM")


def add(name):
    own = Config.configure_parquet_data_node(
        name, f"{name}.parquet", read_options=PART
    )
    made = Config.configure_data_node(f"{name}_made")
    task = Config.configure_task(f"measure_{name}", measure, own, made)
    Config.configure_scenario(f"see_{name}", task)


async def run(orchestrator, name):
    scenario = await orchestrator.create_scenario(f"see_{name}")
    await scenario.submit()
    return await scenario.data_nodes[f"{name}_made"].read()


async def main():
    add("small")
    add("large")
    Config.configure_job_executions("standalone", max_nb_of_workers=1)

    async with Orchestrator(store=":memory:") as orchestrator:
        _, _, small = await run(orchestrator, "small")
        before = taken("VmRSS")
        rows, columns, large = await run(orchestrator, "large")
        print(rows, columns, large - small, taken("VmRSS") - before)


if __name__ == "__main__":
    anyio.run(main)
"""
ROWS = 1_000_000
MB = 1_000_000


def test_a_part_of_a_file_that_a_job_reads(tmp_path: Path) -> None:
    cells = np.random.default_rng(1).random(ROWS)
    table = pa.table({f"c{at}": cells for at in range(10)})
    assert table.nbytes == 80 * MB
    given = {"row_group_size": 50_000, "use_dictionary": False, "compression": "none"}
    parquet.write_table(table, tmp_path / "large.parquet", **given)
    parquet.write_table(table.slice(0, 1000), tmp_path / "small.parquet", **given)
    out = programs.run("-c", PROGRAM, folder=tmp_path)
    rows, columns, worker, program = map(int, out.split())
    assert rows == np.count_nonzero(cells < 0.01)
    assert columns == 2
    assert worker < 60 * MB, "all of it is 80 MB, and twice that on its way to pandas"
    assert program < 4 * MB
