"""What tells whether modules are the same on two hosts."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import cloudpickle  # type: ignore[import-untyped]  # it has no types
import pytest

from asyncflow.executors.dask import code_signs
from asyncflow.executors.dask.code_signs import CodeSign, first_difference
from tests.support import flows


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of a package whose modules import each other."""
    folder = tmp_path / "here" / "signed"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "tasks.py").write_text(
        "import json\nfrom . import sums\n\ndef total(n):\n"
        "    from signed.late import more\n    return sums.add(n) + more\n"
    )
    (folder / "sums.py").write_text("def add(n):\n    return n + 1\n")
    (folder / "late.py").write_text("more = 1\n")
    (folder / "other.py").write_text("")
    monkeypatch.syspath_prepend(folder.parent)
    yield folder

    for name in [name for name in sys.modules if name.partition(".")[0] == "signed"]:
        del sys.modules[name]


def signs_of(code: bytes) -> tuple[CodeSign, ...]:
    return code_signs.signs_of([code])[code]


def code() -> bytes:
    return pickle.dumps(importlib.import_module("signed.tasks").total)


def test_what_a_function_needs_is_found_however_it_is_imported(package: Path) -> None:
    names = [name for name, _, _ in signs_of(code())]
    assert names == ["signed", "signed.late", "signed.sums", "signed.tasks"]
    assert first_difference(signs_of(code())) is None


def test_functions_that_name_the_same_modules_share_their_signs(package: Path) -> None:
    tasks, other = code(), pickle.dumps(importlib.import_module("signed.sums").add)
    twice = tasks + b"."  # another function of the same module
    found = code_signs.signs_of([tasks, twice, other])
    assert found[tasks] is found[twice]
    assert found[tasks] == signs_of(tasks)
    assert [name for name, _, _ in found[other]] == ["signed", "signed.sums"]


def test_python_and_installed_packages_are_taken_for_the_same() -> None:
    assert signs_of(pickle.dumps(len)) == ()
    assert signs_of(pickle.dumps(importlib.import_module("json").dumps)) == ()
    assert [name for name, _, _ in signs_of(pickle.dumps(flows.double))][-1:] == [
        "tests.support.jobs"
    ]


def test_the_package_of_a_function_is_looked_at_where_it_is_installed() -> None:
    names = {name for name, _, _ in signs_of(pickle.dumps(attrs.asdict))}
    assert names >= {"attr", "attr._funcs"}


def test_another_text_is_told_with_both_files(package: Path) -> None:
    signs = signs_of(code())
    (package / "sums.py").write_text("def add(n):\n    return n + 2\n")
    error = first_difference(signs)
    assert error is not None
    assert error.module == "signed.sums"
    assert str(package / "sums.py") in str(error)


def test_what_is_missing_is_told(package: Path) -> None:
    signs = signs_of(code())
    (package / "late.py").unlink()
    error = first_difference(signs)
    assert error is not None
    assert (error.module, error.found) == ("signed.late", None)
    assert "late.py" in str(error)
    (package / "late.py").write_text("more = 1\n")
    assert first_difference(signs) is None


def test_a_package_may_be_a_mere_folder(package: Path) -> None:
    (package / "plain").mkdir()
    (package / "plain" / "tasks.py").write_text("def run(n):\n    return n\n")
    code = pickle.dumps(importlib.import_module("signed.plain.tasks").run)
    signs = signs_of(code)
    assert [name for name, _, _ in signs] == ["signed", "signed.plain.tasks"]

    for name in [name for name in sys.modules if name.startswith("signed")]:
        del sys.modules[name]  # as on another host

    assert first_difference(signs) is None
    (package / "plain" / "tasks.py").unlink()
    assert first_difference(signs) is not None


def test_what_travels_by_value_needs_no_file(package: Path) -> None:
    module = importlib.import_module("signed")
    tasks = importlib.import_module("signed.tasks")
    cloudpickle.register_pickle_by_value(module)

    try:
        assert signs_of(cloudpickle.dumps(tasks.total)) == ()
    finally:
        cloudpickle.unregister_pickle_by_value(module)
