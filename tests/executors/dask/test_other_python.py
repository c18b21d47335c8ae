"""A host that has another Python is refused before anything runs there.

`ASYNCFLOW_TEST_OTHER_PYTHON` names one with Dask, as `.ci/run` does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import ClusterFailed, Orchestrator
from tests.support import dask_cluster
from tests.support.counted_jobs import begin_and_wait, noted
from tests.support.dask_cluster import configuration
from tests.support.flows import single

OTHER = os.environ.get("ASYNCFLOW_TEST_OTHER_PYTHON")
ASK = "import sys; print(*sys.version_info[:2], sep='.')"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.filterwarnings("ignore:Mismatched versions"),  # so Dask says
    pytest.mark.skipif(OTHER is None, reason="no other Python was named"),
]


async def test_a_host_has_another_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OTHER is not None
    ask = [OTHER, "-c", ASK]
    other = subprocess.run(ask, capture_output=True, text=True, check=True)  # noqa: ASYNC221
    own = ".".join(map(str, sys.version_info[:2]))
    assert other.stdout.strip() != own

    with dask_cluster.hosts(1) as hosts, fail_after(90):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", OTHER)
            hosts.add(dask_cluster.free_port())

        hosts.wait()
        config = configuration(hosts.address)
        single(config, begin_and_wait, str(tmp_path))

        with pytest.raises(
            ClusterFailed, match="other versions than this one"
        ) as caught:
            async with Orchestrator(config, tmp_path / "runs.db"):
                pass

    (row,) = [
        line for line in str(caught.value).splitlines() if other.stdout.strip() in line
    ]
    assert row.startswith("tcp://")
    assert not noted(tmp_path / "begun")
