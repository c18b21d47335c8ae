"""The code of jobs: no host runs another one than that which was submitted."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cloudpickle  # type: ignore[import-untyped]  # it has no types
import pytest
from anyio import fail_after

from asyncflow import (
    JobFailed,
    ModuleDiffers,
    Orchestrator,
    SubmissionFailed,
    register_by_value,
)
from tests.support import dask_cluster
from tests.support.dask_cluster import configuration
from tests.support.flows import single

pytestmark = pytest.mark.anyio

TEXT = "from {name}.sums import add\n\ndef run(n):\n    return add(n)\n"
ADD = "def add(n):\n    return n + {more}\n"


def write(folder: Path, name: str, more: int) -> None:
    """Make a package with a task that adds something to its input."""
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TEXT.format(name=name))
    (package / "sums.py").write_text(ADD.format(more=more))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Give the folders of modules of this process, and of the hosts."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    sys.path.insert(0, str(here))
    yield here, there
    sys.path.remove(str(here))

    for name in [name for name in sys.modules if name.startswith("afcode")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def far(folders: tuple[Path, Path]) -> Iterator[str]:
    """Give the address of a cluster whose hosts have modules of their own."""
    with pytest.MonkeyPatch.context() as patch:
        whole = os.pathsep.join([str(folders[1]), *filter(None, sys.path[1:])])
        patch.setenv("PYTHONPATH", whole)

        with dask_cluster.hosts(1) as cluster:
            yield cluster.address


async def result(address: str, module: ModuleType) -> object:
    """Run its task with 1 as input."""
    config = configuration(address)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            cfg = single(config, module.run, 1)
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().wait()

            if (error := submission.error()) is not None:
                raise error

            return await scenario.result.read()


async def test_the_same_text_runs(far: str, folders: tuple[Path, Path]) -> None:
    for folder in folders:
        write(folder, "afcode_same", 1)

    assert await result(far, importlib.import_module("afcode_same.tasks")) == 2


@pytest.mark.parametrize("is_there", [True, False])
async def test_another_text_or_none_does_not_run(
    far: str, folders: tuple[Path, Path], is_there: bool
) -> None:
    here, there = folders
    name = f"afcode_{is_there}"
    write(here, name, 1)

    if is_there:
        write(there, name, 100)

    tasks = importlib.import_module(f"{name}.tasks")

    with pytest.raises(SubmissionFailed) as caught:
        await result(far, tasks)

    (failed,) = caught.value.exceptions
    assert isinstance(failed, JobFailed)
    error = failed.__cause__
    assert isinstance(error, ModuleDiffers)
    assert str(here / name) in str(error)
    assert error.found == (str(there / name / "sums.py") if is_there else None)

    register_by_value(name)

    try:
        assert await result(far, tasks) == 2
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[name])
