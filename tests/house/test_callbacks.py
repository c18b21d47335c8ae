"""What is called through fields: who reads a field that is an object finds the method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import parsed

PACKAGE = Path(__file__).parents[2] / "asyncflow"

USERS = frozenset(
    {
        ("ScenarioConfig", "comparators"),
        ("Call", "function"),
        ("Callback", "function"),
        ("CallSpec", "function"),
        ("CallSpecs", "_functions"),
        ("FaultyExecutor", "strike"),
        ("FunctionSpec", "function"),
        ("GenericDriver", "_waiting"),
        ("GenericOptions", "append_fct"),
        ("GenericOptions", "fingerprint"),
        ("GenericOptions", "read_fct"),
        ("GenericOptions", "write_fct"),
        ("MongoOptions", "fingerprint"),
        ("Orchestrator", "adopt"),
        ("Recovery", "wants"),
        ("RunOptions", "callbacks"),
        ("Session", "adopt"),
        ("Site", "find"),
        ("SqlOptions", "append_query_builder"),
        ("SqlOptions", "write_query_builder"),
        ("SqlPlace", "fingerprint"),
        ("Caller", "callback"),
        ("Subscription", "callback"),
        ("Task", "function"),
        ("TaskConfig", "function"),
        ("TaskFunction", "function"),
        ("_Handler", "before"),
    }
)
"""Classes and fields that hold functions of users, or of their programs."""

CEILING = 15
"""How many fields hold functions of ours. It may become smaller, never larger: give the
object that has the method, as a small Protocol where the layers forbid its class."""


def callbacks() -> Iterator[tuple[str, str]]:
    """Give the fields that hold functions, by their classes."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(parsed(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                for name, kind in fields(node):
                    if "Callable" in ast.unparse(kind):
                        yield node.name, name


def fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """Give the fields that a class declares, in its body or as it is made."""
    for one in node.body:
        if isinstance(one, ast.AnnAssign):
            yield ast.unparse(one.target), one.annotation

        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            yield from made(one)


def made(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Give the fields that an ``__init__`` sets, where their types are told."""
    kinds = {arg.arg: arg.annotation for arg in init.args.args}

    for one in init.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Attribute):
            yield one.target.attr, one.annotation

        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Name):
            kind = kinds.get(one.value.id)

            if kind is not None and isinstance(one.targets[0], ast.Attribute):
                yield one.targets[0].attr, kind


def test_few_fields_hold_functions_of_ours() -> None:
    ours = [field for field in callbacks() if field not in USERS]
    assert len(ours) <= CEILING, sorted(ours)


def test_the_functions_of_users_are_there() -> None:
    assert set(callbacks()) >= USERS
