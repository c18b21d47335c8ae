"""Which functions may change what others in their process need, by what their code says.

To look after each short job whether the standard library is whole, and the priority what
it was, takes as long as the job. So it is looked after those whose code, or that of the
user's functions that it calls, names what does such things.
"""

from __future__ import annotations

import functools
import opcode
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asyncflow.worker.loaded import is_users

NAMES = frozenset(
    {
        *("modules", "nice", "setpriority", "sched_setaffinity", "cpu_affinity"),
        *("setattr", "delattr", "exec", "eval", "vars", "__dict__", "reload"),
        *("patch", "monkeypatch", "MonkeyPatch", "freeze_time", "start_new_thread"),
        # What `touched` does not see, as C code is asked for it.
        *("ctypes", "CDLL", "PyDLL", "dlopen", "chdir", "fchdir", "umask", "alarm"),
        *("setitimer", "sigaction", "setrlimit", "prctl"),
        # Settings of the standard library.
        *("setdefaulttimeout", "field_size_limit", "set_int_max_str_digits", "tzset"),
        *("set_threshold", "set_event_loop_policy", "set_start_method", "reconfigure"),
    }
)
"""What such code names."""

MOST = 50
"""How many functions are looked at."""

_STORES = opcode.opmap["STORE_ATTR"]
_EXTENDED = opcode.EXTENDED_ARG


def may_meddle(function: object, replaceable: frozenset[str]) -> bool:
    """Tell whether a function may change what others need, or cannot be looked at.

    :param replaceable: the names that nobody may set in a module
    """
    try:
        return _may_meddle(function, replaceable)
    except Exception:  # of somebody's attributes
        return True


def _may_meddle(function: object, replaceable: frozenset[str]) -> bool:
    seen: set[types.CodeType] = set()
    left: list[object] = [function]

    while left and len(seen) < MOST:
        for plain in _functions_of(left.pop()):
            code = plain.__code__

            if code in seen or not is_users(code.co_filename):
                continue

            seen.add(code)

            for part in _codes(code):
                names = part.co_names

                if not (
                    NAMES.isdisjoint(names) and replaceable.isdisjoint(_stored(part))
                ):
                    return True

                left += _called(names, plain.__globals__)

    return False


def _functions_of(value: Any) -> Iterator[types.FunctionType]:
    """Give the functions that a callable calls, as far as that shows."""
    for _ in range(MOST):
        if isinstance(value, functools.partial):
            value = value.func
        elif isinstance(value, types.MethodType):
            value = value.__func__
        else:
            break

    if isinstance(value, types.FunctionType):
        yield value

    wrapped = getattr(value, "__wrapped__", None)

    if isinstance(wrapped, types.FunctionType):
        yield wrapped

    kind = value if isinstance(value, type) else type(value)

    if isinstance(value, type) or not isinstance(value, types.FunctionType):
        yield from (
            value for value in vars(kind).values() if type(value) is types.FunctionType
        )


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Give the code of a function, and of those in it."""
    yield code

    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _stored(code: types.CodeType) -> Iterator[str]:
    """Give the names of the attributes that code sets."""
    if _STORES not in code.co_code[::2]:
        return

    argument = 0

    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument = argument << 8 | low

        if operation == _EXTENDED:
            continue

        if operation == _STORES and argument < len(code.co_names):
            yield code.co_names[argument]

        argument = 0


def _called(names: Sequence[str], space: Mapping[str, Any]) -> Iterator[object]:
    """Give what code names of its module, and of the user's modules in that."""
    modules = []

    for name in names:
        value = space.get(name)

        if isinstance(value, types.ModuleType):
            modules.append(value)
        elif callable(value):
            yield value

    for module in modules:
        if is_users(str(vars(module).get("__file__", ""))):
            yield from (vars(module).get(name) for name in names)
