"""Functions by name: found as they are imported, or told why not."""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow.config.toml.importable import NotImportable, find, name_of
from tests.support.declaring import double
from tests.support.toml_files import Math


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (math.sqrt, "math:sqrt"),
        (len, "builtins:len"),
        (int, "builtins:int"),
        (double, "tests.support.declaring:double"),
        (Math.half, "tests.support.toml_files:Math.half"),
        (json.JSONDecoder.decode, "json.decoder:JSONDecoder.decode"),
    ],
)
def test_a_name_finds_its_function(function: Callable[..., object], name: str) -> None:
    assert name_of(function) == name
    assert find(name) is function


def renamed() -> Callable[..., object]:
    @functools.wraps(double)
    def wrapper(nb: int) -> int:
        return double(nb)

    return wrapper


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (5, "a int has no name"),
        (functools.partial(double, 1), "a partial has no name"),
        (lambda: 1, "<lambda> is made while its module runs"),
        (renamed(), "tests.support.declaring:double is something else"),
        (Math().third, "toml_files:Math.third is something else"),
    ],
    ids=["int", "partial", "lambda", "renamed", "method"],
)
def test_a_function_without_a_name(function: object, why: str) -> None:
    with pytest.raises(NotImportable, match=why):
        name_of(function)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("math", "'math' is not of the form 'module:function'"),
        (":sqrt", "is not of the form"),
        ("math:", "is not of the form"),
        ("math:sqr", "'math' has no 'sqr'"),
        ("math:sqrt.x", "'math' has no 'sqrt.x'"),
        ("x:f.<locals>.g", "made while its module runs"),
        ("no_such_module:f", "ModuleNotFoundError: No module named 'no_such_module'"),
        (".x:f", "'.x' cannot be imported"),
    ],
)
def test_a_name_that_finds_nothing(name: str, why: str) -> None:
    with pytest.raises(NotImportable, match=why):
        find(name)


def test_a_module_that_fails_is_told_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaks_at_import.py").write_text("raise KeyError('x')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(NotImportable, match=r"\(KeyError: 'x'\)") as caught:
        find("breaks_at_import:f")

    assert isinstance(caught.value.__cause__, KeyError)
    assert "breaks_at_import" not in sys.modules
