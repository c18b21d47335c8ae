"""The main module of what a job starts with multiprocessing: a copy of its names."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from asyncflow.worker import main
from asyncflow.worker.main import COPY, Names

FILE = str(Path(main.__file__).with_name("copied_main.py"))


def test_it_has_the_names_that_the_workers_main_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COPY, "")
    names = Names(None, str(tmp_path / "copy"))
    names.show({"rate": 3, "double": len})
    name = names.content["__spec__"].name  # multiprocessing asks for it

    found = runpy.run_path(FILE)

    assert name == "asyncflow.worker.copied_main"
    assert os.environ[COPY] == str(tmp_path / "copy")
    assert (found["rate"], found["double"]) == (3, len)


def test_a_copy_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COPY, str(tmp_path / "gone"))

    with pytest.raises(FileNotFoundError, match="gone"):
        runpy.run_path(FILE)
