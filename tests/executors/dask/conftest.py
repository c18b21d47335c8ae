"""What tests of the cluster share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from anyio import create_task_group, fail_after

pytest.importorskip("distributed")

from tests.support import dask_cluster
from tests.support.dask_programs import Programs


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of the scheduler of two workers."""
    with dask_cluster.local(2) as found:
        yield found


@pytest.fixture
def cluster() -> Iterator[dask_cluster.Hosts]:
    """Give two workers, and their scheduler, that may be killed."""
    with dask_cluster.hosts(2) as found:
        yield found


@pytest.fixture
async def programs(address: str) -> AsyncIterator[Programs]:
    with fail_after(60):
        async with create_task_group() as group, AsyncExitStack() as stack:
            yield Programs(address, stack, group)
