"""How a worker loads a module of tests: only what the jobs in it need.

Workers import the modules of tests several thousand times, and what tests need (the whole
of asyncflow, a table library) takes twice the time that a worker takes to start. So the
tests and fixtures of a module are left out here, and what it imports of these packages is
imported by the functions that use it, when they are called. What is left is the same
code, with the same lines. It is kept as byte code beside the module.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

HEAVY = frozenset(
    (
        *("asyncflow", "tests", "anyio", "attrs", "hypothesis", "pytest", "_pytest"),
        *("numpy", "pandas", "polars", "pyarrow", "sqlalchemy", "psycopg"),
    )
)
"""The packages that are imported where they are used."""


_code_of = SourceFileLoader.get_code


def install() -> None:
    """Have whatever loads modules of tests load that; the finders stay as they are."""
    SourceFileLoader.get_code = _get_code  # type: ignore[assignment, method-assign]


def _get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
    package, _, name = fullname.partition(".")

    if package == "tests" and name.rpartition(".")[2].startswith("test_"):
        return _code_for_jobs(loader.path)

    return _code_of(loader, fullname)


def _code_for_jobs(path: str) -> CodeType:
    files = [os.stat(one) for one in (path, __file__)]
    state = [sys.version, *((one.st_mtime_ns, one.st_size) for one in files)]
    folder, name = os.path.split(path)
    kept = os.path.join(folder, "__pycache__", f"{name}.jobs")

    with suppress(OSError, EOFError, ValueError), open(kept, "rb") as file:
        found, code = marshal.load(file)

        if found == state:
            known: CodeType = code
            return known

    with open(path, "rb") as file:
        made = compile(jobs_of(file.read()), path, "exec", dont_inherit=True)

    draft = f"{kept}.{os.getpid()}"

    with suppress(OSError):
        with open(draft, "wb") as file:
            marshal.dump([state, made], file)

        os.replace(draft, kept)

    return made


def jobs_of(source: bytes) -> ast.Module:
    """Return a module without its tests, with its imports where they are used."""
    import ast

    module = ast.parse(source)
    body = [node for node in module.body if not _is_of_tests(node)]
    at_once = {*_names_at_once(body)}
    moved: dict[str, ast.Import | ast.ImportFrom] = {}
    kept: list[ast.stmt] = []

    for node in body:
        imports = dict(_imports(node))
        moved |= {name: one for name, one in imports.items() if name not in at_once}
        needed = [one for name, one in imports.items() if name in at_once]
        kept += needed if imports else [node]

    for node in kept:
        for function in _outer_functions(node):
            _import_inside(function, moved)

    module.body = kept
    return ast.fix_missing_locations(module)


def _is_of_tests(node: ast.stmt) -> bool:
    """Tell whether a statement is a test, a fixture or a mark."""
    import ast

    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["pytestmark"]

    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False

    decorators = [ast.unparse(one) for one in node.decorator_list]
    return node.name.startswith("test_") or any(
        one.startswith("pytest.") for one in decorators
    )


def _imports(node: ast.stmt) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    """Give the names that an import of these packages binds, each with one of its own."""
    import ast

    if isinstance(node, ast.ImportFrom) and _is_heavy(node.module):
        for alias in node.names:
            one = ast.ImportFrom(node.module, [alias], node.level)
            yield alias.asname or alias.name, ast.copy_location(one, node)

    if isinstance(node, ast.Import) and all(_is_heavy(one.name) for one in node.names):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield name, ast.copy_location(ast.Import([alias]), node)


def _is_heavy(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in HEAVY


def _names_at_once(body: Iterable[ast.AST]) -> Iterator[str]:
    """Give the names that are used while the module is executed."""
    import ast

    for node in body:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            yield from _names_at_once(node.decorator_list)
            yield from _names_at_once(given.defaults)
            yield from _names_at_once(one for one in given.kw_defaults if one)
        elif isinstance(node, ast.Lambda):
            yield from _names_at_once([node.args, node.body])
        elif isinstance(node, ast.AnnAssign):
            yield from _names_at_once([node.value] if node.value else [])
        else:
            yield from _names_at_once(ast.iter_child_nodes(node))


def _outer_functions(
    node: ast.AST,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give the functions of a statement that are inside no other one."""
    import ast

    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node
        return

    for child in ast.iter_child_nodes(node):
        yield from _outer_functions(child)


def _import_inside(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    moved: dict[str, ast.Import | ast.ImportFrom],
) -> None:
    import ast

    own = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    used = {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }
    needed = [one for name, one in moved.items() if name in used - own]
    has_docstring = ast.get_docstring(function, clean=False) is not None
    function.body[has_docstring:has_docstring] = needed
