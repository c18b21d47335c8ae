"""What tests of the cluster share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("distributed")

from tests.support import dask_cluster


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of the scheduler of two workers."""
    with dask_cluster.local(2) as found:
        yield found
