"""A cluster on this host."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import ClusterFailed
from asyncflow.executors.dask import connect

pytestmark = pytest.mark.anyio


async def test_it_has_an_address_and_ends_with_us(tmp_path: Path) -> None:
    async with connect.local_cluster(1, str(tmp_path)) as address:
        assert address.startswith("tcp://127.0.0.1:")


async def test_why_it_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho there is no room >&2\n")
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))

    with pytest.raises(ClusterFailed, match=r"it did not start .there is no room."):
        async with connect.local_cluster(1, str(tmp_path)):
            pass
