"""Whether a module does what its file says now, though it was not loaded anew.

Some tools put the new code into the functions that there are: `%autoreload` of IPython 9,
debuggers. And some edits change nothing that runs, such as a comment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

DEPTH = 16
"""How many wrappers a function may have."""

_FLAGS = 0xFFF
"""Those of what code does; the others are of ``from __future__``."""


def is_patched(module: object, before: bytes | None, text: bytes | None) -> bool:
    """Tell whether a module does what its file says. Blocks.

    :param before: the text that it has loaded, if that is known
    :param text: that of the file now
    """
    try:
        known = {ast.dump(node) for node in ast.parse(before or b"").body}
        nodes = ast.parse(text or b"raise").body
        code = compile(text or b"raise", "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False

    names = getattr(module, "__dict__", {})
    return all(
        ast.dump(node) in known or _is_there(node, names, code) for node in nodes
    )


def _is_there(
    node: ast.stmt, names: Mapping[str, Any], code: CodeType, owner: str = ""
) -> bool:
    """Tell whether a statement has its effect already.

    :param names: what there is beside it
    :param code: what it is a part of
    :param owner: the class that it is of; ``""`` for the module
    """
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            made = _compiled(node, code, owner)
            return _is_made_of(names.get(_mangled(name, owner)), node.args, made)
        case ast.ClassDef(name=name, body=body):
            own = getattr(names.get(name), "__dict__", {})
            inner = _inside(code, name) or code
            return all(_is_there(statement, own, inner, name) for statement in body)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return _is_value(value, names.get(_mangled(name, owner), ...))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return _is_value(value, names.get(_mangled(name, owner), ...))
        case ast.Import(names=found) | ast.ImportFrom(names=found):
            return all(_bound(definition) in names for definition in found)
        case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.AnnAssign(value=None):
            return True

    return False


def _mangled(name: str, owner: str) -> str:
    """Return what Python calls a name in a class."""
    is_private = owner and name.startswith("__") and not name.endswith("__")
    return f"_{owner.lstrip('_')}{name}" if is_private else name


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_value(node: ast.expr, value: object) -> bool:
    try:
        return ast.dump(node) == ast.dump(ast.parse(repr(value), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _is_made_of(found: Any, given: ast.arguments, codes: Iterable[CodeType]) -> bool:
    """Tell whether a function has one of some codes, and the defaults of its text."""
    function = _function_of(found)

    if function is None or not _has_defaults(given, function):
        return False

    parts = _parts(function.__code__)
    return any(_parts(code) == parts for code in codes)


def _function_of(found: Any) -> FunctionType | None:
    if isinstance(found, property):
        found = found.fget

    found = getattr(found, "__func__", found)  # a static method, or one of a class

    for _ in range(DEPTH):
        if not hasattr(found, "__wrapped__"):
            break

        found = found.__wrapped__

    return found if isinstance(found, FunctionType) else None


def _has_defaults(given: ast.arguments, function: FunctionType) -> bool:
    """Tell whether a function has the defaults that are written down."""
    has: list[object] = [*(function.__defaults__ or ())]
    has += (function.__kwdefaults__ or {}).values()
    written = [*given.defaults, *filter(None, given.kw_defaults)]
    return len(has) == len(written) and all(
        not isinstance(node, ast.Constant) or _is_value(node, value)
        for node, value in zip(written, has, strict=True)
    )


def _compiled(
    node: ast.FunctionDef | ast.AsyncFunctionDef, code: CodeType, owner: str
) -> Iterator[CodeType]:
    """Give what a function is compiled to: in its module, by itself, and as a tool
    writes it. How lines end, and what is imported, is told by some instructions.
    """
    plain = type(node)(**{**vars(node), "decorator_list": [], "returns": None})
    codes = [code]

    for alone in (plain, ast.parse(ast.unparse(plain)).body[0]):
        module = ast.parse(f"class {owner}: pass" if owner else "")
        body = module.body[0].body if owner else module.body  # type: ignore[attr-defined]  # of that class
        body[:] = [alone]
        made = compile(module, "", "exec", dont_inherit=True)
        codes.append((owner and _inside(made, owner)) or made)

    for nested in codes:
        if (found := _inside(nested, node.name)) is not None:
            yield found


def _inside(code: CodeType, name: str) -> CodeType | None:
    """Return the last code of a name that another one has."""
    found = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return next(
        (constant for constant in found[::-1] if constant.co_name == name), None
    )


def _parts(code: CodeType) -> list[object]:
    """Return what code does, without where it stands."""
    consts = [
        _parts(constant)
        if isinstance(constant, CodeType)
        else (type(constant), repr(constant))
        for constant in code.co_consts
    ]
    return [
        *(code.co_code, code.co_names, code.co_varnames, code.co_freevars),
        *(code.co_cellvars, code.co_exceptiontable, code.co_flags & _FLAGS, consts),
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
    ]
