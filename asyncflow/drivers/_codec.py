"""What JSON has no form for: dates, enums and dataclasses, as objects that say so."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any

from asyncflow.drivers._json_objects import (
    address_of,
    member_name,
    member_of,
    object_of,
    state_of,
)
from asyncflow.drivers._libraries import plain_of
from asyncflow.selection import library_of

TYPE, VALUE = "__type__", "__value__"
MARKS = {TYPE, VALUE}

DATES: dict[str, Any] = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
}


PLAIN: frozenset[type[Any]] = frozenset({str, int, float, bool, type(None)})
"""The types that JSON has itself."""

TEXTS = frozenset({str})
NUMBERS = frozenset({int})
DICTS = frozenset({dict})
SEQUENCES = (list, tuple)

AT_ONCE = 50_000
"""At how many parts is looked before another thread may go on."""


class Encoder(json.JSONEncoder):
    """Writes dates, enums, dataclasses, and tables as lists of rows.

    What is given to it is what `prepared` returns.
    """

    def default(self, o: Any) -> Any:
        if library_of(o):
            return prepared(plain_of(o))

        kind = type(o)

        if (name := kind.__name__) in DATES and kind is DATES[name]:
            return {TYPE: name, VALUE: o.isoformat()}

        if kind is datetime.timedelta:
            return {TYPE: "timedelta", VALUE: [o.days, o.seconds, o.microseconds]}

        if dataclasses.is_dataclass(o) and not isinstance(o, type):
            state = {name: prepared(part) for name, part in state_of(o).items()}
            return {TYPE: f"dataclass {address_of(kind)}", VALUE: state}

        return super().default(o)


def prepared(value: Any) -> Any:
    """Return a value with all replaced that JSON would take for something else: enums
    that are numbers or text, and dicts that look like one of its objects.

    :raises TypeError: where keys of a dict would be one and the same, and for enums that
        cannot be read
    """
    if isinstance(value, dict):
        if not _are_all(TEXTS, value):
            _check_keys(value)

        is_marked = len(value) == len(MARKS) and value.keys() == MARKS
        parts: Collection[Any] = value.values()
    elif isinstance(value, SEQUENCES):
        is_marked = False
        parts = value
    elif isinstance(value, enum.Enum):
        return {TYPE: f"enum {address_of(type(value))}", VALUE: member_name(value)}
    else:
        return value

    if not is_marked and (_are_all(PLAIN, parts) or _are_rows(parts)):
        return value

    made, is_same = [], not is_marked

    for part in parts:
        ready = part if type(part) in PLAIN else prepared(part)
        is_same = is_same and ready is part
        made.append(ready)

    if is_same:
        return value

    if isinstance(value, dict):
        pairs = zip(value, made, strict=True)
        return {TYPE: "dict", VALUE: [*pairs]} if is_marked else dict(pairs)

    return made


def _are_all(known: frozenset[type[Any]], parts: Collection[Any]) -> bool:
    """Tell whether the types of all parts are known."""
    kinds = map(type, parts)

    if len(parts) <= AT_ONCE:
        return known.issuperset(kinds)

    return _are_known(known, kinds)


def _are_known(known: frozenset[type[Any]], kinds: Iterator[type[Any]]) -> bool:
    while some := {*islice(kinds, AT_ONCE)}:
        if not some <= known:
            return False

    return True


def _are_rows(parts: Collection[Any]) -> bool:
    """Tell whether all parts are dicts that JSON has itself: rows of a table, mostly."""
    if not _are_all(DICTS, parts):
        return False

    values = chain.from_iterable(map(dict.values, parts))
    return (
        not any(map(dict.__contains__, parts, repeat(TYPE)))
        and _are_known(TEXTS, map(type, chain.from_iterable(parts)))
        and _are_known(PLAIN, map(type, values))
    )


def text_of(key: Any) -> str:
    """Return what a key of a dict is in JSON."""
    return key if isinstance(key, str) else json.dumps({key: 0})[2:-5]


def _check_keys(value: dict[Any, Any]) -> None:
    """Refuse a dict of which JSON would lose a key: all of them are text there."""
    if _are_all(NUMBERS, value):
        return

    texts: dict[str, Any] = {}

    for key in value:
        text = text_of(key)

        if text in texts:
            raise TypeError(
                f"the keys {texts[text]!r} and {key!r} would become the same"
            )

        texts[text] = key


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


_ONE = PLAIN - {str}


class Decoder(json.JSONDecoder):
    """Reads what `Encoder` writes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"object_hook": decoded, **options})


def decoded(found: dict[str, Any]) -> Any:
    """Return what an object of JSON stands for."""
    if found.keys() != MARKS:
        return found

    kind, _, address = str(found[TYPE]).partition(" ")
    value = found[VALUE]

    match kind:
        case "timedelta":
            return datetime.timedelta(*value)
        case "enum":
            return member_of(address, value)
        case "dataclass":
            return object_of(address, value)
        case "dict":
            return dict(value)
        case _ if kind in DATES:
            return DATES[kind].fromisoformat(value)
        case _:
            return found
