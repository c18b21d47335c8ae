"""What JSON has no form for: dates, enums and dataclasses, as objects that say so."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from collections.abc import Iterable, Iterator
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
            fields = [field.name for field in dataclasses.fields(o) if field.init]
            values = {name: getattr(o, name) for name in fields}
            return {TYPE: f"dataclass {_address(kind)}", VALUE: values}

        return super().default(o)


FEW = 5000
"""How many parts of a value are written at once, about: two milliseconds' work."""

DEPTH = 50
"""How deep parts are counted."""


def in_parts(value: Any, encoder: json.JSONEncoder, few: int = FEW) -> Iterator[str]:
    """Yield the text that an encoder makes of a value, part by part.

    The encoder is C, and holds Python's lock from the beginning of a part to its end.

    :param encoder: one that has the form of `json.dumps`, all in one line
    """
    if library_of(value):
        value = encoder.default(value)

    is_one = not (value and isinstance(value, dict | list | tuple))

    if is_one or _weight(value, few) <= few:
        yield encoder.encode(value)
        return

    is_dict = isinstance(value, dict)
    items: Iterable[Any] = value.items() if is_dict else value
    start, end = "{}" if is_dict else "[]"
    many: list[Any] = []
    weight = 0

    def texts() -> Iterator[str]:
        """Yield what was gathered."""
        nonlocal start, weight

        if many:
            text = encoder.encode(dict(many) if is_dict else many)
            yield start + text[1:-1]
            many.clear()
            start, weight = encoder.item_separator, 0

    for item in items:
        part = item[1] if is_dict else item
        of_item = 1 if type(part) in _ONE else _weight(part, few)

        if weight + of_item > few:
            yield from texts()

        if of_item <= few:
            many.append(item)
            weight += of_item
            continue

        name = encoder.encode({item[0]: None})[1 : -len("null}")] if is_dict else ""
        yield start + name
        start = encoder.item_separator
        yield from in_parts(part, encoder, few)

    yield from texts()
    yield end


def _weight(value: Any, few: int, depth: int = DEPTH) -> int:
    """Return how many parts a value has; more than a few are not counted to the end."""
    if isinstance(value, str):
        return 1 + len(value) // 64

    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return few + 1 if library_of(value) else 1

    count = 1 + len(value)

    if depth:
        for member in value:
            if count > few:
                break

            if type(member) not in _ONE:
                count += _weight(member, few - count, depth - 1)

    return count


_ONE = frozenset({int, float, bool, type(None)})


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
