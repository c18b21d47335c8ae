"""What there is to choose from is asked of the registries, and its classes say the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.alternatives import DRIVERS, EXECUTORS, MODES
from tests.support.sources import parsed

PACKAGE = Path(__file__).parents[2] / "asyncflow"
HOMES = ("drivers", "executors", "stores", "testing")
"""Where alternatives are; the kinds of orchestrators of `testing` are its own."""

NAMES = frozenset({*DRIVERS.names(), *EXECUTORS.names(), *MODES.names()})


def choices(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that choose by the name of an alternative."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                asked: list[ast.AST] = [left, *others]
            case ast.Subscript(slice=key):
                asked = [key]
            case ast.Dict(keys=keys):
                asked = [key for key in keys if key is not None]
            case ast.MatchValue(value=value):
                asked = [value]
            case _:
                continue

        for part in asked:
            for one in ast.walk(part):
                if isinstance(one, ast.Constant) and one.value in NAMES:
                    yield one.lineno


def test_nobody_else_chooses_by_a_name() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in HOMES
        for line in choices(parsed(path.read_bytes()))
    ]
    assert found == [], "have the class say it (see asyncflow/abc/)"


@pytest.mark.parametrize(
    "text",
    [
        "if node.storage_type == 'pickle': pass",
        "x = mode not in ('cluster', 'standalone')",
        "executors['process'].warm()",
        "x = {'thread': 1}",
        "match mode:\n    case 'development': pass",
    ],
)
def test_a_choice_is_found(text: str) -> None:
    assert list(choices(ast.parse(text)))


def test_a_default_is_no_choice() -> None:
    assert not list(choices(ast.parse("def f(executor='process'): g(mode='thread')")))
