"""What tests of the cluster share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

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
    async with Programs.opened(address) as found:
        yield found
