"""Pickling, for values and functions that travel.

What can be imported goes by reference, through the standard library's C pickler. What
lives in ``__main__``, and lambdas and closures, go by value, through cloudpickle, which
is loaded for the first of these.
"""

from __future__ import annotations

import functools
import marshal
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from asyncflow.worker import local_modules
from asyncflow.worker.decorated import task_of
from asyncflow.worker.errors import NotPicklable
from asyncflow.worker.local_modules import importing, names
from asyncflow.worker.shortened import REASON, shortened

OUT_OF_BAND = 4096
"""Buffers of at least so many bytes stay out of the pickle, where the caller asks."""

DEPTH = 8
"""How deep to look for the part that cannot be pickled."""

PLAIN = frozenset({int, float, str, bytes, bool, complex, type(None)})
"""The types of values that need no more than the C pickler."""


def dumps(
    value: object,
    buffers: list[pickle.PickleBuffer] | None = None,
    name: str = "value",
    *,
    in_steps: bool = False,
) -> bytes:
    """Pickle a value with protocol 5.

    :param buffers: receives the large buffers, which then stay out of the result;
        None keeps everything in it
    :param name: how the error calls the value
    :param in_steps: whether other threads are to have their turn meanwhile; it takes a
        microsecond more
    :raises NotPicklable: naming the part that cannot be pickled
    """
    if type(value) in PLAIN:
        return pickle.dumps(value, 5)

    if len(sys.modules) != local_modules.count:
        local_modules.look()

    data = _by_reference(value, buffers, in_steps=in_steps)
    return _named_by_value(value, buffers, name) if data is None else data


def _named_by_value(
    value: object, buffers: list[pickle.PickleBuffer] | None, name: str
) -> bytes:
    try:
        return _by_value(value, _collector(buffers))
    except MemoryError:
        raise  # it can be pickled, where there is room for it
    except Exception as error:
        path, why = _culprit(value, name, error, DEPTH)
        raise NotPicklable(path, why) from error


def is_by_value(data: bytes) -> bool:
    """Tell whether a pickle has parts that travel by value."""
    return b"cloudpickle" in data or b"asyncflow.worker.by_value" in data


def is_renewed(data: bytes) -> bool:
    """Tell whether a pickle names what has taken the place of a function of then."""
    return b"by_name" in data


def load_code(data: bytes) -> types.CodeType:
    """Load the byte code of a function that travels by value."""
    code = marshal.loads(data)  # noqa: S302  # from our own processes, as pickles are
    assert isinstance(code, types.CodeType)
    return code


def _by_value(
    value: object, collect: Callable[[pickle.PickleBuffer], bool] | None = None
) -> bytes:
    from asyncflow.worker.pickler import pickled

    return pickled(value, collect)


def dumps_code(function: Callable[..., object]) -> bytes:
    """Pickle a function: by reference where a worker can import it, else by value.

    :raises NotPicklable: naming the part (a closed-over variable, a global, ...)
    """
    name = getattr(function, "__qualname__", None) or type(function).__qualname__

    if _is_misnamed(function):
        return _named_by_value(function, None, name)

    return dumps(task_of(function) or function, name=name)


def _is_misnamed(function: object) -> bool:
    """Tell whether a method says a name under which its object has another, or none.

    A decorator without `functools.wraps` makes such, and `types.MethodType` by hand.
    Pickle would tell the name alone.
    """
    while isinstance(function, functools.partial):
        function = function.func

    if not isinstance(function, types.MethodType):
        return False

    with suppress(Exception):  # of somebody's property
        return bool(getattr(function.__self__, function.__name__) != function)

    return True


def _by_reference(
    value: object, buffers: list[pickle.PickleBuffer] | None, *, in_steps: bool
) -> bytes | None:
    """Pickle without cloudpickle; None where the result would not load elsewhere."""
    cloudpickle = sys.modules.get("cloudpickle")  # who registers a module has it

    if cloudpickle is not None and cloudpickle.list_registry_pickle_by_value():
        return None

    if (
        importing and local_modules.are_importing()
    ):  # the C pickler would wait for that import
        return None

    try:
        if in_steps:
            from asyncflow.worker import steps

            parts = steps.dump(value, _collector(buffers))
            return None if any(map(_is_elsewhere, parts)) else b"".join(parts)

        data = pickle.dumps(value, 5, buffer_callback=_collector(buffers))
    except MemoryError:
        raise
    except Exception:  # cloudpickle is asked next, and its error is the one to tell
        return None

    return None if _is_elsewhere(data) else data


def _is_elsewhere(data: bytes) -> bool:
    """Tell whether a pickle names what another process has otherwise, or not at all."""
    if b"__main__" in data or b"__mp_main__" in data:
        return True

    return bool(names) and local_modules.names_any(data)


def _collector(
    buffers: list[pickle.PickleBuffer] | None,
) -> Callable[[pickle.PickleBuffer], bool] | None:
    """Make pickle's callback: True keeps a buffer in the pickle."""
    if buffers is None:
        return None

    buffers.clear()

    def collect(buffer: pickle.PickleBuffer) -> bool:
        with buffer.raw() as raw:
            small = raw.nbytes < OUT_OF_BAND

        if not small:
            buffers.append(buffer)

        return small

    return collect


def _culprit(value: object, path: str, error: Exception, depth: int) -> tuple[str, str]:
    """Find the innermost part of a value that cannot be pickled, and why."""
    if depth and not (isinstance(error, NotPicklable) and _refuses(value)):
        with suppress(Exception):  # of a part that cannot even be named
            for name, part in _parts(value):
                try:
                    _by_value(part)
                except Exception as inner:
                    return _culprit(part, path + name, inner, depth - 1)

    why = type(error).__name__

    with suppress(Exception):
        why = error.why if isinstance(error, NotPicklable) else f"{why}: {error}"

    return shortened(path, REASON // 2), shortened(why, REASON // 2)


def _refuses(value: object) -> bool:
    """Tell whether a value itself says that it cannot be pickled."""
    try:
        value.__reduce_ex__(5)
    except NotPicklable:
        return True
    except Exception:  # a part of it does
        return False

    return False


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """Name the parts of a value, as an expression would."""
    if isinstance(value, types.FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, functools.partial):
        yield from ((f".args[{i}]", part) for i, part in enumerate(value.args))
        yield from (
            (f".keywords[{key!r}]", part) for key, part in value.keywords.items()
        )
        yield ".func", value.func
    elif isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f".<member {part!r}>", part) for part in value)
    else:
        yield from _attributes(value)


def _parts_of_function(value: types.FunctionType) -> Iterator[tuple[str, object]]:
    from asyncflow.worker.per_process import stands_for

    for name, cell in zip(
        value.__code__.co_freevars, value.__closure__ or (), strict=True
    ):
        try:
            yield f".<closure {name}>", stands_for(cell.cell_contents)
        except ValueError:  # a cell that is not filled yet
            continue

    for name in value.__code__.co_names:
        if name in value.__globals__:
            yield f".<global {name}>", stands_for(value.__globals__[name])

    yield from (
        (f".<default {i}>", part) for i, part in enumerate(value.__defaults__ or ())
    )


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    for name, part in getattr(value, "__dict__", {}).items():
        yield f".{name}", part

    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())

        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)
