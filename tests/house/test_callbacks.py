"""What is called through fields: who reads a field that is an object finds the method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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
        ("Subscription", "callback"),
        ("Task", "function"),
        ("TaskConfig", "function"),
        ("TaskFunction", "function"),
        ("_Handler", "before"),
    }
)
"""Classes and fields that hold functions of users, or of their programs."""

CEILING = 9
"""How many fields hold functions of ours. It may become smaller, never larger: give the
object that has the method, as a small Protocol where the layers forbid its class."""


def callbacks() -> Iterator[tuple[str, str]]:
    """Give the fields that hold functions, by their classes."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                for one in node.body:
                    if isinstance(one, ast.AnnAssign) and (
                        "Callable" in ast.unparse(one.annotation)
                    ):
                        yield node.name, ast.unparse(one.target)


def test_few_fields_hold_functions_of_ours() -> None:
    ours = [field for field in callbacks() if field not in USERS]
    assert len(ours) <= CEILING, sorted(ours)


def test_the_functions_of_users_are_there() -> None:
    assert set(callbacks()) >= USERS
