"""Pickling by value, through cloudpickle: what no module has under its name."""

from __future__ import annotations

import io
import marshal
import pickle
import types
from collections import ChainMap
from collections.abc import Callable
from typing import ClassVar

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from asyncflow.worker.codec import load_code


def _reduce_code(code: types.CodeType) -> tuple[object, ...]:
    return load_code, (marshal.dumps(code),)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Keeps the file names of code: cloudpickle 3.1.3 drops what tracebacks need."""

    dispatch_table: ClassVar = ChainMap(
        {types.CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table
    )


def pickled(
    value: object, collect: Callable[[pickle.PickleBuffer], bool] | None = None
) -> bytes:
    """Pickle a value with protocol 5.

    :param collect: pickle's callback for large buffers
    """
    with io.BytesIO() as file:
        _Pickler(file, protocol=5, buffer_callback=collect).dump(value)
        return file.getvalue()
