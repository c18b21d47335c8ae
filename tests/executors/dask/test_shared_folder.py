"""The folder that all hosts are to share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from distributed import Client

from asyncflow.errors import ClusterFailed
from asyncflow.executors.dask.seats import Member
from asyncflow.executors.dask.shared_folder import reach

pytestmark = pytest.mark.anyio


async def test_a_folder_that_a_host_does_not_see(address: str, tmp_path: Path) -> None:
    async with Client(address, asynchronous=True, set_as_default=False) as client:
        await client.wait_for_workers(1)
        found = await client.scheduler.identity()
        workers = {
            one: Member(one, "here", 1, "x", "y", "", 1) for one in found["workers"]
        }
        assert workers
        await reach(client, workers, str(tmp_path))

        far = "tcp://127.0.0.1:9"
        members = workers | {far: Member(far, "far", 1, "x", "y", "", 1)}

        with pytest.raises(
            ClusterFailed, match=r"is not there on far; give.*values='s3://"
        ):
            await reach(client, members, str(tmp_path))

    assert os.listdir(tmp_path) == []
