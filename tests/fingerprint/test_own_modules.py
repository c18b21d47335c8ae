"""Which modules are the user's own."""

from __future__ import annotations

import functools
import json
import os
import sys
import types
from pathlib import Path

import attrs
import pytest

import asyncflow
import tests.support.flows
from asyncflow.fingerprint.fingerprint import fingerprint
from asyncflow.fingerprint.own_modules import (
    installed,
    is_own_file,
    is_own_module,
    root_of,
    source_of,
)
from tests.support.own_code import Load


def test_what_is_installed_counts_by_its_name() -> None:
    import attrs

    def f() -> object:
        return attrs.define, pytest.fixture, os.path.join

    assert list(fingerprint(f).parts.values()) == [fingerprint(f).name]


@pytest.mark.parametrize(
    ("name", "is_own"),
    [
        ("__main__", True),
        (tests.support.flows.__name__, True),
        ("no_such_module_yet", True),
        (attrs.__name__, False),
        (json.__name__, False),
        ("json.not_loaded", False),
        ("sys", False),
        ("_functools", False),
        (asyncflow.__name__, False),
        ("asyncflow.config", False),
    ],
)
def test_a_module_is_the_users(name: str, is_own: bool) -> None:
    assert is_own_module(name, None) is is_own


def test_the_module_of_a_task_is_the_users_wherever_it_is() -> None:
    assert is_own_module("attrs", "attrs")
    assert not is_own_module("attr", "attrs")
    assert not is_own_module("asyncflow", "asyncflow")


def test_a_module_without_a_file_is_the_users_unless_it_is_of_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "own_made", types.ModuleType("own_made"))
    assert is_own_module("own_made", None)
    assert not is_own_module("builtins", None)


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/home/me/work.py", True),
        ("/home/me/.venv/lib/python3.11/site-packages/x.py", False),
        ("/usr/lib/python3/dist-packages/x.py", False),
        ("/home/me/site-packages.py", True),
        (functools.__file__, False),
    ],
)
def test_a_file_is_the_users(path: str, is_own: bool) -> None:
    assert is_own_file(path) is is_own


def test_what_pip_puts_beside_own_modules_is_not_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by ``pip install --target .``."""
    for name, text in {
        "frames-1.0.dist-info": "frames/__init__.py,,\nframes/core/a.py,,\nframes.pth,,\n",
        "one_file-2.dist-info": "one_file.py,sha256=x,3\n../bin/one,,\n",
        "empty.dist-info": None,
    }.items():
        (tmp_path / name).mkdir()

        if text is not None:
            (tmp_path / name / "RECORD").write_text(text)

    names = ("frames/core/a.py", "one_file.py", "handler.py", "own/core/a.py")
    paths = [str(tmp_path / name) for name in names]
    assert [*map(is_own_file, paths)] == [True] * 4
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [*map(is_own_file, paths)] == [False, False, True, True]
    monkeypatch.syspath_prepend(str(tmp_path / "own"))  # a folder of its own
    assert is_own_file(str(tmp_path / "own/frames/core/a.py"))


def test_the_module_of_a_function() -> None:
    assert root_of(attrs.define) == attrs.define.__module__
    assert root_of(test_the_module_of_a_function) == __name__
    assert root_of(json.dumps) is None
    assert root_of(functools.partial(print)) is None


def test_what_is_installed_has_a_version() -> None:
    assert installed("attrs")
    assert installed("attrs") == installed(attrs.validators.__name__)
    assert installed(tests.support.flows.__name__) == ""
    assert installed("sys") == ""


def test_the_file_of_a_module_is_found_without_an_import(load: Load) -> None:
    module = load(
        "own_package.one",
        own_package__init="",
        own_package__one="",
        own_package__two="",
        own_other="",
    )
    file = module.__file__
    assert file is not None
    assert source_of("own_package.one") == file
    assert source_of("own_package.two") == str(Path(file).with_name("two.py"))
    assert source_of("own_other") == str(Path(file).parents[1] / "own_other.py")
    assert not {"own_package.two", "own_other"} & {*sys.modules}

    for name in ("own_package.three", "own_none", "own_other.deeper", "sys", ".x"):
        assert source_of(name) is None
