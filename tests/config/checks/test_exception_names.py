"""Kinds of exceptions: classes, or their names, looked up without an import."""

from __future__ import annotations

import json
import socket
import sys
import types

import pytest

from asyncflow.config.checks.exception_names import fault, name_of


class Refused(ConnectionError):
    class Again(Exception): ...


def local() -> type[Exception]:
    class Local(Exception): ...

    return Local


@pytest.mark.parametrize(
    ("kind", "piece"),
    [
        (5, "5 is not an exception class"),
        (int, "<class 'int'> is not an exception class"),
        (ValueError("x"), "ValueError('x') is not an exception class"),
        ("ValueError", "'ValueError' is not of the form 'module:Class'"),
        ("", "'' is not of the form"),
        (":ValueError", "not of the form"),
        ("builtins:", "not of the form"),
        ("a:b:C", "not of the form"),
        ("builtins..ValueError", "not of the form"),
        ("builtins:ValueErorr", "'builtins' has no 'ValueErorr'"),
        ("builtins.ValueErorr", "'builtins' has no 'ValueErorr'"),
        ("builtins:ValueError.x", "'builtins' has no 'ValueError.x'"),
        ("builtins:int", "'builtins:int' is not an exception class"),
        ("math.pi", "'math.pi' is not an exception class"),
        (f"{socket.__name__}.timeout", "calls itself 'builtins:TimeoutError'"),
        (f"{json.__name__}:JSONDecodeError", "'json.decoder:JSONDecodeError'"),
        (f"{json.__name__}:nope", "'json' has no 'nope'"),
    ],
    ids=str,
)
def test_what_is_no_kind_of_error(kind: object, piece: str) -> None:
    assert piece in str(fault(kind))


@pytest.mark.parametrize(
    "kind",
    [
        KeyError,
        SystemExit,
        "builtins:KeyError",
        "json.decoder.JSONDecodeError",
        "not_imported_yet.module:Class",
        "not_imported_yet.Class.Inner",
        "json.not_imported_yet.Class",
        name_of(local()),
        "asyncflow:JustAName",  # a module that makes its names when asked
    ],
    ids=str,
)
def test_what_may_be_a_kind_of_error(kind: object) -> None:
    before = set(sys.modules)
    assert fault(kind) is None
    assert set(sys.modules) == before


def test_a_module_that_must_not_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "blocked", None)
    assert fault("blocked:Error") is None


def test_a_name_is_looked_up_without_executing_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loud(types.ModuleType):
        @property
        def Error(self) -> None:  # noqa: N802  # a class's name
            raise AssertionError("it was asked")

    monkeypatch.setitem(sys.modules, "loud", Loud("loud"))
    assert "is not an exception class" in str(fault("loud:Error"))


def test_names_of_kinds() -> None:
    kinds = [ValueError, Refused.Again, "a.b:C.D", "a.b.C", 5]
    here = f"{__name__}.Refused.Again"
    assert [name_of(kind) for kind in kinds] == [
        "builtins.ValueError",
        here,
        "a.b.C.D",
        "a.b.C",
        "5",
    ]
