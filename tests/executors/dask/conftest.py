"""What tests of the cluster share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

pytest.importorskip("distributed")

from tests.support import dask_cluster
from tests.support.dask_programs import Programs

TTL = "2s"
"""After how long a silent worker is taken for dead."""


@pytest.fixture(scope="session", autouse=True)
def _programs_loaded(watch: object) -> Iterator[None]:
    """Have clusters start in a moment; `watch` marks their processes as ours."""

    with dask_cluster.programs_loaded():
        yield


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of the scheduler of two workers."""
    with dask_cluster.hosts(2) as found:
        yield found.address


@pytest.fixture
def cluster() -> Iterator[dask_cluster.Hosts]:
    """Give two workers, and their scheduler, that may be killed."""
    with dask_cluster.hosts(2) as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[dask_cluster.Hosts]:
    """Give the same for tests that leave it as it is."""
    with dask_cluster.hosts(2) as found:
        yield found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[dask_cluster.Hosts]:
    """Give a cluster whose scheduler soon takes silent workers for dead."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", TTL)

    with dask_cluster.hosts(2) as found:
        yield found


@pytest.fixture
async def programs(address: str) -> AsyncIterator[Programs]:
    async with Programs.opened(address) as found:
        yield found
