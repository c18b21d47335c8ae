"""A network that falls silent between a program and its cluster.

It is silent for two seconds, or, with ``--silence 60``, for so long that both sides give
the connection up. Side effects are counted in files that jobs append to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import fail_after, sleep, to_thread

from asyncflow import Orchestrator
from tests.support import dask_cluster
from tests.support.counted_jobs import (
    await_file,
    begin_and_wait,
    noted,
    until_begun,
)
from tests.support.dask_cluster import configuration
from tests.support.far_network import FarNetwork, far_network
from tests.support.flows import single

pytestmark = [pytest.mark.anyio, pytest.mark.limit(240)]

LIMIT = 120


@pytest.fixture(scope="module")
def network() -> Iterator[FarNetwork]:
    with far_network() as found:
        yield found


@pytest.fixture(scope="module")
def far(network: FarNetwork) -> Iterator[str]:
    """Give the address of a cluster that is there."""
    with dask_cluster.hosts(
        1, host=network.far.address, inside=network.command
    ) as found:
        yield found.address


@pytest.mark.parametrize("ends", ["while it is silent", "afterwards"])
@pytest.mark.parametrize("store", ["runs.db", None], ids=["file", "memory"])
async def test_the_network_is_silent(
    network: FarNetwork,
    far: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    store: str | None,
    ends: str,
) -> None:
    """A job goes on; one that nobody could take over may be ended, and run anew."""
    silence = pytestconfig.getoption("--silence")
    config = configuration(far)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=0)

    with fail_after(silence + LIMIT):
        async with Orchestrator(config, store and str(tmp_path / store)) as one:
            scenario = await one.create_scenario(cfg)
            submission = scenario.submit()
            await to_thread.run_sync(until_begun, tmp_path, 1)
            await to_thread.run_sync(network.cut)

            if ends == "while it is silent":
                (tmp_path / "go").touch()
                await to_thread.run_sync(await_file, tmp_path / "ended")

            await sleep(silence)
            await to_thread.run_sync(network.mend)
            (tmp_path / "go").touch()
            await submission

    assert len(noted(tmp_path / "ended")) == 1
    assert len(noted(tmp_path / "begun")) <= (1 if store or ends != "afterwards" else 2)
