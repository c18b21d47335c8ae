"""What JSON has no form for: dates, enums and dataclasses, as objects that say so."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from importlib import import_module
from typing import Any

from asyncflow.drivers._libraries import rows_of
from asyncflow.selection import library_of

TYPE, VALUE = "__type__", "__value__"

DATES: dict[str, Any] = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
}


class Encoder(json.JSONEncoder):
    """Writes dates, enums, dataclasses, and tables as lists of rows."""

    def default(self, o: Any) -> Any:
        if library_of(o):
            return o.tolist() if hasattr(o, "tolist") else rows_of(o)

        kind = type(o)

        if (name := kind.__name__) in DATES and kind is DATES[name]:
            return {TYPE: name, VALUE: o.isoformat()}

        if kind is datetime.timedelta:
            return {TYPE: "timedelta", VALUE: [o.days, o.seconds, o.microseconds]}

        if isinstance(o, enum.Enum):
            return {TYPE: f"enum {_address(kind)}", VALUE: o.name}

        if dataclasses.is_dataclass(o) and not isinstance(o, type):
            fields = [one.name for one in dataclasses.fields(o) if one.init]
            values = {name: getattr(o, name) for name in fields}
            return {TYPE: f"dataclass {_address(kind)}", VALUE: values}

        return super().default(o)


class Decoder(json.JSONDecoder):
    """Reads what `Encoder` writes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"object_hook": decoded, **options})


def decoded(found: dict[str, Any]) -> Any:
    """Return what an object of JSON stands for."""
    if found.keys() != {TYPE, VALUE}:
        return found

    kind, _, address = str(found[TYPE]).partition(" ")
    value = found[VALUE]

    match kind:
        case "timedelta":
            return datetime.timedelta(*value)
        case "enum":
            return _class(address, enum.Enum)[value]
        case "dataclass":
            return _class(address, None)(**value)
        case _ if kind in DATES:
            return DATES[kind].fromisoformat(value)
        case _:
            return found


def _address(kind: type[Any]) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(address: str, base: type[Any] | None) -> Any:
    """Import an enum or a dataclass; nothing else that a file may name."""
    module, _, path = address.partition(":")
    found: Any = import_module(module)

    for part in path.split("."):
        found = getattr(found, part)

    is_right = isinstance(found, type) and (
        dataclasses.is_dataclass(found) if base is None else issubclass(found, base)
    )

    if not is_right:
        raise ValueError(f"{address} is neither an enum nor a dataclass")

    return found
