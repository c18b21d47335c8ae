"""Workers know where the user's modules are today: moved, replaced, in archives."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asyncflow import Orchestrator
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder on ``sys.path``; its modules are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = {*sys.modules}
    yield tmp_path

    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def imports(_: object) -> Any:
    moved = importlib.import_module("moved_steps")
    return moved.step(1)


def edit(path: Path, what: str, ago: int = 0) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"def step(x):\n    return {what!r}\n")
    os.utime(path, (time.time() - ago,) * 2)
    importlib.invalidate_caches()


def load() -> Any:
    sys.modules.pop("moved_steps", None)
    return importlib.import_module("moved_steps")


async def result(orchestrator: Orchestrator, function: Any = imports) -> Any:
    orchestrator.config.clear()
    orchestrator.config.configure_job_executions(
        "standalone", 1, echo=False, kill_grace=0.2
    )
    cfg = single(orchestrator.config, function)
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()
    return await scenario.result.read()


def opened() -> Orchestrator:
    return Orchestrator(configuration(workers=1), ":memory:")


async def test_a_module_that_only_jobs_import_becomes_a_package(folder: Path) -> None:
    edit(folder / "moved_steps.py", "module")

    async with opened() as orchestrator:
        assert await result(orchestrator) == "module"
        (folder / "moved_steps.py").unlink()
        edit(folder / "moved_steps" / "__init__.py", "package")
        assert await result(orchestrator) == "package"
        shutil.rmtree(folder / "moved_steps")
        edit(folder / "moved_steps.py", "module again")
        assert await result(orchestrator) == "module again"


async def test_a_module_that_the_program_has_becomes_a_package(folder: Path) -> None:
    edit(folder / "moved_steps.py", "module")

    async with opened() as orchestrator:
        assert await result(orchestrator, load().step) == "module"
        (folder / "moved_steps.py").unlink()
        assert await result(orchestrator) == "module"  # what the program has
        edit(folder / "moved_steps" / "__init__.py", "package")
        assert await result(orchestrator, load().step) == "package"


@pytest.mark.parametrize("is_loaded", [False, True])
async def test_a_package_that_is_made_beside_a_module(
    folder: Path, is_loaded: bool
) -> None:
    edit(folder / "moved_steps.py", "module", ago=100)
    os.utime(folder, (0, 0))  # what changes within a tick of the clock is not seen

    async with opened() as orchestrator:
        function = load().step if is_loaded else imports
        assert await result(orchestrator, function) == "module"
        edit(folder / "moved_steps" / "__init__.py", "package", ago=100)
        assert await result(orchestrator, function) == "package"
        os.utime(folder, (0, 0))
        shutil.rmtree(folder / "moved_steps")
        assert await result(orchestrator, function) == "module"


@pytest.mark.parametrize("ago", [0, 100])
async def test_what_the_program_has_loaded_comes_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ago: int
) -> None:
    edit(folder / "moved_steps.py", "one", ago=ago)
    edit(folder / "other" / "moved_steps.py", "other", ago=ago)

    async with opened() as orchestrator:
        step = load().step
        assert await result(orchestrator, step) == "one"
        monkeypatch.setattr(sys, "path", [str(folder / "other"), *sys.path])
        assert await result(orchestrator, imports_in_a_new_worker) == "one"
        assert await result(orchestrator, step) == "one"


def imports_in_a_new_worker(_: object) -> Any:
    sys.modules.pop("moved_steps", None)
    return imports(_)


async def test_a_path_that_comes_before_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(folder / "moved_steps.py", "one")
    edit(folder / "other" / "moved_steps.py", "other")

    async with opened() as orchestrator:
        assert await result(orchestrator) == "one"
        monkeypatch.setattr(sys, "path", [str(folder / "other"), *sys.path])
        assert await result(orchestrator) == "other"
        monkeypatch.setattr(sys, "path", sys.path[1:])
        assert await result(orchestrator) == "one"


async def test_a_path_that_depends_on_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(folder / "a" / "moved_steps.py", "a")
    edit(folder / "b" / "moved_steps.py", "b")
    monkeypatch.setattr(sys, "path", ["", *sys.path])

    async with opened() as orchestrator:
        monkeypatch.chdir(folder / "a")
        assert await result(orchestrator) == "a"
        monkeypatch.chdir(folder / "b")
        assert await result(orchestrator) == "b"


async def test_a_link_that_leads_to_another_release(folder: Path) -> None:
    first, second = folder / "1" / "moved_steps.py", folder / "2" / "moved_steps.py"
    edit(first, "1")
    edit(second, "2")
    kept = os.stat(first)
    os.utime(second, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    link = folder / "moved_steps.py"
    link.symlink_to(first)

    async with opened() as orchestrator:
        assert await result(orchestrator, load().step) == "1"
        link.unlink()
        link.symlink_to(second)
        assert await result(orchestrator) == "2"


async def test_another_text_with_the_date_and_the_size_of_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = folder / "moved_steps.py"
    edit(path, "1")
    os.utime(path, (10**9, 10**9))

    async with opened() as orchestrator:
        assert await result(orchestrator, load().step) == "1"
        edit(path, "2")
        os.utime(path, (10**9, 10**9))
        assert await result(orchestrator) == "2"


async def test_a_touched_file_is_not_said_to_have_changed(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "moved_steps.py"
    edit(path, "1")

    async with opened() as orchestrator:
        assert await result(orchestrator, load().step) == "1"

        with caplog.at_level(logging.WARNING, "asyncflow"):
            os.utime(path)
            assert await result(orchestrator) == "1"

    assert "changed on disk" not in caplog.text


async def test_a_folder_on_the_path_that_is_made_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = folder / "later"
    monkeypatch.setattr(sys, "path", [str(later), *sys.path])

    async with opened() as orchestrator:
        assert await result(orchestrator, imports_if_there) == "none"
        edit(later / "moved_steps.py", "there")
        assert await result(orchestrator, imports_if_there) == "there"


def imports_if_there(_: object) -> Any:
    try:
        return imports(_)
    except ModuleNotFoundError:
        return "none"


async def test_an_archive_of_modules_that_is_replaced(folder: Path) -> None:
    archive = folder / "modules.zip"
    sys.path.insert(0, str(archive))

    def pack(what: str) -> None:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("moved_steps/__init__.py", "from .inner import step")
            file.writestr("moved_steps/inner.py", f"def step(x): return {what!r}")

    async with opened() as orchestrator:
        pack("1")
        assert await result(orchestrator, load().step) == "1"
        pack("another")
        assert await result(orchestrator) == "another"
