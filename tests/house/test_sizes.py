"""How large files, functions, classes and signatures may be: what is larger is named here.

The lists only shrink. Who needs a name on one of them splits by nouns first: a file for
each noun, an object in place of many parameters, one that has the methods of a subject.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.sources import parsed

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "asyncflow"

LINES = 450
BODY = 55
METHODS = 15
PARAMETERS = 5
PRIVATE_NAMES = 3
TESTED = 0.91
"""The part of the modules that have a test of the same name."""

FILES = {
    "abc/store.py": 570,
    "config/configuration.py": 892,
    "dispatch/in_flight.py": 486,
    "entities/scenario.py": 524,
    "entities/submission.py": 485,
    "drivers/_sql.py": 463,
    "drivers/_parquet.py": 455,
    "entities/data_node.py": 576,
    "entities/parts.py": 452,
    "executors/process/request.py": 567,
    "orchestrator.py": 958,
    "recovery/loader.py": 470,
    "recovery/recovery.py": 489,
    "runtime/engine.py": 613,
    "stores/_store.py": 611,
    "stores/_tables.py": 470,
    "stores/memory.py": 624,
    "sync/handles.py": 484,
    "sync/orchestrator.py": 522,
    "values/versions.py": 525,
    "worker/process.py": 492,
    "worker/state.py": 486,
}

FUNCTIONS = {
    "runtime/engine.py:Engine.create": 73,
    "runtime/engine.py:Engine.submit": 91,
    "worker/process.py:WorkerState.end_job": 71,
}

CLASSES = {
    "abc/driver.py:Driver": 26,
    "abc/store.py:Store": 44,
    "config/configuration.py:Configuration": 27,
    "dispatch/in_flight.py:InFlight": 20,
    "drivers/_file.py:FileDriver": 26,
    "entities/data_node.py:DataNode": 25,
    "entities/scenario.py:Scenario": 18,
    "orchestrator.py:Orchestrator": 44,
    "runs/job.py:JobState": 20,
    "runtime/engine.py:Engine": 25,
    "runtime/handle_verbs.py:HandleVerbs": 42,
    "stores/_store.py:DatabaseStore": 43,
    "stores/memory.py:MemoryStore": 41,
    "sync/data_node.py:DataNode": 24,
    "sync/orchestrator.py:Orchestrator": 48,
    "sync/scenario.py:Scenario": 18,
}

SIGNATURES = {
    "stores/memory.py:MemoryStore.jobs": 6,
    "stores/_store.py:DatabaseStore.jobs": 6,
    "abc/store.py:Store.jobs": 6,
    "abc/store.py:Store.scenarios": 15,
    "abc/store.py:Store.submissions": 7,
    "config/task_function.py:declared": 8,
    "drivers/_exposed.py:expose": 6,
    "entities/scenario.py:Scenario.duplicate": 6,
    "entities/submittable.py:Submittable.submit": 11,
    "notify/counters.py:JobCounters.statistics": 6,
    "orchestrator.py:Orchestrator.create_scenario": 6,
    "orchestrator.py:Orchestrator.jobs": 7,
    "orchestrator.py:Orchestrator.scenarios": 18,
    "orchestrator.py:Orchestrator.submissions": 8,
    "orchestrator.py:Orchestrator.submit": 12,
    "plan/plan.py:Plan._stop": 6,
    "plan/plan.py:Plan.submitted": 9,
    "plan/queues.py:Queues.put": 6,
    "recovery/settling.py:_records": 6,
    "runs/restoring.py:tried": 6,
    "runtime/creation.py:Creation._made": 6,
    "runtime/creation.py:Creation.find_or_make": 6,
    "runtime/engine.py:Engine.create": 17,
    "stores/_store.py:DatabaseStore.scenarios": 15,
    "stores/_store.py:DatabaseStore.submissions": 7,
    "stores/memory.py:MemoryStore.scenarios": 15,
    "stores/memory.py:MemoryStore.submissions": 7,
    "testing/_driver.py:driver_contract": 6,
    "worker/trip.py:settle": 6,
}
"""How large what is too large may be: some room is left where verbs are added."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    """Return the modules of the package, by their paths."""
    return {
        str(path.relative_to(PACKAGE)): parsed(path.read_bytes())
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def lines() -> Iterator[tuple[str, int]]:
    for name in modules():
        yield name, len((PACKAGE / name).read_bytes().splitlines())


def functions() -> Iterator[tuple[str, Function]]:
    """Give the functions, those of classes and other functions included, by their names."""

    def inside(name: str, node: ast.AST) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            own = name

            if isinstance(child, ast.ClassDef | Function):
                own = f"{name}{':' if name.endswith('.py') else '.'}{child.name}"

            if isinstance(child, Function) and not has(child, "overload"):
                yield own, child

            yield from inside(own, child)

    for name, module in modules().items():
        yield from inside(name, module)


def has(function: Function, *decorators: str) -> bool:
    found = {ast.unparse(one).rpartition(".")[2] for one in function.decorator_list}
    return not found.isdisjoint(decorators)


def bodies() -> Iterator[tuple[str, int]]:
    """Give the lines of each function, without its head and docstring."""
    for name, function in functions():
        first = function.body[ast.get_docstring(function, clean=False) is not None :]

        if first:
            end = function.body[-1].end_lineno
            assert end is not None
            yield name, end - first[0].lineno + 1


def methods() -> Iterator[tuple[str, int]]:
    """Give how many public methods each class has; properties are no methods."""
    attributes = ("property", "cached_property", "setter", "deleter", "overload")

    for name, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                public = {
                    child.name
                    for child in node.body
                    if isinstance(child, Function)
                    and not child.name.startswith("_")
                    and not has(child, *attributes)
                }
                yield f"{name}:{node.name}", len(public)


def parameters() -> Iterator[tuple[str, int]]:
    """Give how many parameters each function has, without `self` and ``*``, ``**``.

    The blocking face has the signatures of the async verbs; other tests compare them. A
    declaration has the options of what is declared, each by its keyword. What an object
    is made from are its fields, whether or not attrs writes its ``__init__``.
    """
    for name, function in functions():
        if name.startswith("sync/") or function.name.startswith("configure_"):
            continue

        if function.name == "__init__":
            continue

        given = function.args
        names = [
            one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        ]
        yield name, len(names) - (names[:1] in (["self"], ["cls"]))


@pytest.mark.parametrize(
    ("measure", "limit", "larger"),
    [
        pytest.param(lines, LINES, FILES, id="lines of files"),
        pytest.param(bodies, BODY, FUNCTIONS, id="lines of functions"),
        pytest.param(methods, METHODS, CLASSES, id="public methods of classes"),
        pytest.param(parameters, PARAMETERS, SIGNATURES, id="parameters"),
    ],
)
def test_nothing_grows(
    measure: Callable[[], Iterator[tuple[str, int]]], limit: int, larger: dict[str, int]
) -> None:
    found: dict[str, int] = {}

    for name, size in measure():
        found[name] = max(size, found.get(name, 0))  # of those that share a name

    grown = {
        name: size for name, size in found.items() if size > larger.get(name, limit)
    }
    assert not grown, f"more than {limit}, or than the list says"
    shrunk = [name for name in larger if found.get(name, 0) <= 0.9 * limit]
    assert not shrunk, "they are well within it: take them off the list"


def test_modules_use_few_private_names_of_others() -> None:
    found = [
        (name, node.module, alias.name)
        for name, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
        if not is_module(f"{node.module}.{alias.name}")
    ]
    assert len(found) <= PRIVATE_NAMES, found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def test_modules_have_a_test_of_their_name() -> None:
    tests = {
        path.stem.removeprefix("test_") for path in ROOT.glob("tests/**/test_*.py")
    }
    names = {name: Path(name).stem.lstrip("_") for name in modules()}
    own = {name: stem for name, stem in names.items() if stem != "init__"}
    untested = [name for name, stem in own.items() if stem not in tests]
    assert len(untested) <= (1 - TESTED) * len(own), untested
