"""Kinds of exceptions: classes, or their names.

A name is ``package.module:Class`` or ``package.module.Class``. A kind is compared by
name, so that nothing has to be imported where jobs do not run.
"""

from __future__ import annotations

import inspect
import sys


def name_of(kind: object) -> str:
    """Return the name of a kind, with dots only; also of what is none."""
    if isinstance(kind, type):
        return f"{kind.__module__}.{kind.__qualname__}"

    return kind.replace(":", ".") if isinstance(kind, str) else repr(kind)


def spelled(kind: object) -> object:
    """Return the name of a class as ``module:Class``, and anything else as it is."""
    if isinstance(kind, type):
        return f"{kind.__module__}:{kind.__qualname__}"

    return kind


def fault(kind: object) -> str | None:
    """Say why something is no kind of exception; None if nothing is wrong with it.

    A name is looked up as far as its modules are imported already.
    """
    if isinstance(kind, str):
        return _fault_of_name(kind)

    if isinstance(kind, type) and issubclass(kind, BaseException):
        return None

    return f"{kind!r} is not an exception class"


def _fault_of_name(name: str) -> str | None:
    parts = name.replace(":", ".", 1).split(".")
    if len(parts) < 2 or ":" in name.replace(":", ".", 1) or not all(parts):
        return f"{name!r} is not of the form 'module:Class'"

    module, qualname = _split(name)
    if sys.modules.get(module) is None or "<" in qualname:
        return None

    found = _found(module, qualname)
    if found is not None:
        return _fault_of_found(name, found)

    is_elsewhere = _may_be_elsewhere(module, qualname)
    return None if is_elsewhere else f"{module!r} has no {qualname!r}"


def _split(name: str) -> tuple[str, str]:
    """Split a name into the module's and the class's; the imported modules tell."""
    module, colon, qualname = name.partition(":")
    if colon:
        return module, qualname

    module, _, qualname = name.rpartition(".")
    while module not in sys.modules and "." in module:
        module, _, last = module.rpartition(".")
        qualname = f"{last}.{qualname}"

    return module, qualname


def _found(module: str, qualname: str) -> object:
    """Return what a name of an imported module is; None if it has no such name."""
    found: object = sys.modules[module]
    for part in qualname.split("."):
        # Asking a module or a class itself might execute code of the user's.
        found = inspect.getattr_static(found, part, None)

    return found


def _may_be_elsewhere(module: str, qualname: str) -> bool:
    """Tell whether a name may be of a module that is not imported yet."""
    if _found(module, "__getattr__") is not None:
        return True

    return _found(module, "__path__") is not None and "." in qualname


def _fault_of_found(name: str, found: object) -> str | None:
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        return f"{name!r} is not an exception class"

    if name_of(found) != name_of(name):
        return f"the class {name!r} calls itself {spelled(found)!r}"

    return None
