"""A folder with a module of a user's, and a store with a run of each of its scenarios."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from asyncflow import Config
from tests.support.command import FLOWS, call


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep nothing of the user's module in this process."""
    Config.clear()
    monkeypatch.setenv("ASYNCFLOW_STORE", "")  # that of the current folder
    monkeypatch.delenv("NO_COLOR", raising=False)
    path = [*sys.path]
    yield
    sys.path[:] = path
    sys.modules.pop("flows", None)
    Config.clear()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder, once."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "flows.py").write_text(FLOWS)

    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setenv("ASYNCFLOW_STORE", "")
        path = [*sys.path]
        call("run", "flows:sales", "--tag", "nightly", "--name", "first")
        call("run", "flows:bad", code=1)
        sys.path[:] = path
        del sys.modules["flows"]

    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of it, which is the current one."""
    copy = tmp_path / "user"
    shutil.copytree(made, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def large(folder: Path) -> Path:
    """Give a folder whose store has one value in a file; return that."""
    text = FLOWS.replace("return [year, 2, 3]", "return list(range(100_000))")
    (folder / "flows.py").write_text(text)
    call("run", "flows:sales")
    (value,) = (folder / ".asyncflow" / "asyncflow.values").glob("*.value")
    return value
