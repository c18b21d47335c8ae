"""Calls, as they travel to a host of the cluster, and what is told of them back."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NoReturn, cast

import attrs

from asyncflow.abc import Call
from asyncflow.errors import ModuleDiffers
from asyncflow.executors.dask.code_signs import CodeSign, first_difference, signs_of
from asyncflow.worker import wire

_PARTS = (
    *("job_id", "task", "code", "inputs", "outputs", "sources", "attempt"),
    *("memory_limit", "is_short", "carrier", "is_watched", "waiting_file"),
)
_parts = attrgetter(*_PARTS)


def pack(calls: Sequence[Call]) -> bytes:
    """Pickle calls; each driver on its own, as `wire.pack` does it. Blocks."""
    signs = signs_of({call.code or b"" for call in calls})
    rows = [(*_parts(call), signs[call.code or b""]) for call in calls]
    return wire.pack(cast("wire.Request", (_PARTS, rows)))


def unpack(data: bytes) -> list[Call]:
    """Read what `pack` has made: no module of the user's is loaded for it."""
    parts, rows = _Unpickler(io.BytesIO(data)).load()
    return [
        Call(
            function=_elsewhere,
            pinned=Signed(signs),
            **dict(zip(parts, row, strict=True)),
        )
        for *row, signs in rows
    ]


@attrs.frozen
class Signed:
    """The modules of a call, as they were where it was submitted."""

    signs: tuple[CodeSign, ...]
    older: tuple[str, ...] = ()
    """Nothing that is loaded here is older: it is compared with these."""


def refused(calls: Sequence[Call]) -> list[tuple[Call, ModuleDiffers]]:
    """Return the calls that are not to run here, as a module of theirs differs. Blocks."""
    signs = {call.pinned.signs for call in calls if isinstance(call.pinned, Signed)}
    errors = {name: error for name in signs if (error := first_difference(name))}
    return [
        (call, errors[call.pinned.signs])
        for call in calls
        if isinstance(call.pinned, Signed) and call.pinned.signs in errors
    ]


class PackedDriver:
    """A driver that is loaded when something is asked of it, and travels on as it is."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return pickle.loads, (self.data,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedDriver) and other.data == self.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __getattr__(self, name: str) -> Any:
        if name == "data":  # it is being copied
            raise AttributeError(name)

        return getattr(wire.load_driver(self.data), name)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (wire.__name__, wire.load_driver.__name__):
            return PackedDriver

        return super().find_class(module, name)


def _elsewhere(*_: object) -> NoReturn:
    """Stand for a function of which only worker processes have the code."""
    raise AssertionError("it is called by worker processes alone")
