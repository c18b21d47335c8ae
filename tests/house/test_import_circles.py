"""Imports go in no circle.

When modules are loaded none does. What modules name in their signatures, or load inside
functions, is counted too: there each circle stands in `CIRCLES`, with the reason.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.sources import parsed

sys.path.insert(0, str(Path(__file__).parent))
layers = importlib.import_module("test_layers")
sys.path.pop(0)

CIRCLES: Mapping[frozenset[str], str] = {
    frozenset(
        {
            "entities.job",
            "entities.submission",
            "entities.submittable",
            "entities.task",
        }
    ): "types alone: a task gives a submission, that its jobs, a job its task",
    frozenset(
        {"worker.by_value", "worker.codec", "worker.main", "worker.pickler"}
    ): "inside functions: cloudpickle is loaded only for what has no module",
}
"""It may become shorter, never longer."""


@cache
def modules() -> Mapping[str, Path]:
    found: Mapping[str, Path] = layers.modules(layers.PACKAGE)
    return found


@cache
def imports_of(name: str) -> tuple[Any, ...]:
    """Return what a module imports of the other modules."""
    known = modules()
    tree = parsed(known[name].read_bytes())
    return tuple(
        it
        for it in layers.imports(name, tree, known, layers.PACKAGE.name)
        if it.ours and it.target in known and it.target != name
    )


def graph(*, at_load: bool) -> dict[str, set[str]]:
    """Return what each module imports.

    :param at_load: whether only what is imported as the module is loaded
    """
    return {
        name: {
            it.target
            for it in imports_of(name)
            if not (at_load and (it.typing or it.inner))
        }
        for name in modules()
    }


def circles(imports: Mapping[str, Iterable[str]]) -> set[frozenset[str]]:
    """Return the strongly connected components that have more than one module."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str, arrows: Mapping[str, Iterable[str]], found: list[str]) -> None:
        seen.add(name)

        for other in arrows[name]:
            if other not in seen:
                visit(other, arrows, found)

        found.append(name)

    for name in imports:
        if name not in seen:
            visit(name, imports, order)

    back: dict[str, list[str]] = {name: [] for name in imports}

    for name, others in imports.items():
        for other in others:
            back[other].append(name)

    seen.clear()
    parts: list[list[str]] = []

    for name in reversed(order):
        if name not in seen:
            parts.append([])
            visit(name, back, parts[-1])

    return {frozenset(part) for part in parts if len(part) > 1}


def test_no_circle_as_modules_are_loaded() -> None:
    assert circles(graph(at_load=True)) == set()


def test_the_circles_of_types_and_functions() -> None:
    assert circles(graph(at_load=False)) == set(CIRCLES)


def test_a_circle_is_found() -> None:
    imports = {"a": ["b", "d"], "b": ["c"], "c": ["a"], "d": ["e"], "e": []}
    assert circles(imports) == {frozenset("abc")}
