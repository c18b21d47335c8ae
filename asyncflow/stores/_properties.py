"""The users' own values that records carry: as JSON, or pickled.

A pickle runs code of whoever wrote it. It is loaded when somebody looks into it, and not
before: a store is opened, listed and taken over without.
"""

from __future__ import annotations

import io
import json
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asyncflow.errors import RecordDamaged
from asyncflow.filters import python_scalar
from asyncflow.records import Record, ScenarioRecord, SubmissionRecord
from asyncflow.worker.codec import dumps
from asyncflow.worker.shortened import is_utf8

NO_PROPERTIES = ("{}", None)
"""What is written of none."""

LONGEST = 200
"""How many characters a text has at most by which scenarios are found."""

WHOLE = 1e15
"""Below this a whole number is the same with a point and without."""

WITH_PROPERTIES = (ScenarioRecord, SubmissionRecord)
"""The kinds of records that carry some."""


class PickledProperties(Mapping[str, Any]):
    """Properties that are unpickled when they are first read.

    :param owner: the id of their record
    :param data: the pickle
    :raises RecordDamaged: by each look at them, where they cannot be loaded
    """

    def __init__(self, owner: str, data: bytes) -> None:
        self.owner = owner
        self.data = data
        self._loaded: dict[str, Any] | None = None

    __hash__ = None  # type: ignore[assignment]  # as of any mapping that compares

    @property
    def is_loaded(self) -> bool:
        """Whether somebody has read them."""
        return self._loaded is not None

    def __getitem__(self, name: str) -> Any:
        return self._now_loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now_loaded())

    def __len__(self) -> int:
        return len(self._now_loaded())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented

        if isinstance(other, PickledProperties) and other.data == self.data:
            return True

        return self._now_loaded() == dict(other)

    def __repr__(self) -> str:
        if self._loaded is None:
            return f"<pickled properties of {self.owner}>"

        return repr(self._loaded)

    def __reduce__(self) -> tuple[object, ...]:
        return PickledProperties, (self.owner, self.data)

    def _now_loaded(self) -> dict[str, Any]:
        if self._loaded is None:
            self._loaded = _unpickled(self.data, self.owner)

        return self._loaded


class _Unpickler(pickle.Unpickler):
    """Notes which class it looked for last."""

    name: str = ""

    def find_class(self, module_name: str, global_name: str) -> Any:
        self.name = f"{module_name}.{global_name}"
        return super().find_class(module_name, global_name)


def dump_properties(
    properties: Mapping[str, Any], owner: str
) -> tuple[str, bytes | None]:
    """Write JSON where that gives the same back, else a pickle.

    :raises NotPicklable: where they cannot be kept, naming the part
    """
    if type(properties) is PickledProperties:  # isinstance asks its ABC, for each run
        return "", properties.data

    plain = dict(properties)

    if not plain:
        return NO_PROPERTIES

    try:
        if _is_json(plain):
            text = json.dumps(plain, ensure_ascii=False)
            text.encode()
            return text, None
    except (ValueError, RecursionError):  # surrogates, or very long or deep
        pass

    return "", dumps(plain, name=f"properties of {owner}")


def check_properties(records: Sequence[Record]) -> None:
    """Refuse properties that no store can keep.

    :raises NotPicklable: naming the part
    """
    for record in records:
        if isinstance(record, WITH_PROPERTIES):
            dump_properties(record.properties, record.id)


def load_properties(owner: Any, text: Any, pickled: Any) -> Mapping[str, Any]:
    """Return what was written.

    :param owner: the id of their record
    """
    if pickled is not None:
        return PickledProperties(owner, pickled)

    if text == NO_PROPERTIES[0]:
        return {}

    found = json.loads(text)

    if not isinstance(found, dict):
        raise TypeError(f"its properties are a {type(found).__name__}")

    return found


def listed(name: str, value: object) -> str:
    """Return what a property is found by: different for values that are not equal.

    :raises ValueError: where nothing is found by it
    """
    if (text := _listed(name, value)) is None:
        raise ValueError(
            f"scenarios are found by properties that are texts of at most {LONGEST} "
            f"characters, numbers, True, False or None; got {name!r}: {value!r}"
        )

    return text


def listed_pairs(properties: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return by what scenarios with these properties are found; None where nobody has
    unpickled them.
    """
    if type(properties) is PickledProperties and not properties.is_loaded:
        return None

    found = ((name, _listed(name, value)) for name, value in properties.items())
    return [(name, text) for name, text in found if text is not None]


def _listed(name: object, value: object) -> str | None:
    value = python_scalar(value)

    if isinstance(value, str):
        text = f'"{value}'
    elif isinstance(value, int):  # of an enum as well, and True as other than 1
        text = json.dumps(value) if isinstance(value, bool) else str(int(value))
    elif isinstance(value, float) and math.isfinite(value):
        is_whole = value.is_integer() and abs(value) < WHOLE
        text = str(int(value)) if is_whole else repr(float(value))
    elif value is None:
        text = "null"
    else:
        return None

    if not isinstance(name, str) or max(len(name), len(text) - 1) > LONGEST:
        return None

    return text if _is_kept(name) and _is_kept(text) else None


def _is_kept(text: str) -> bool:
    """Tell whether every database keeps a text as it is."""
    return "\0" not in text and (text.isascii() or is_utf8(text))


def _unpickled(data: bytes, owner: str) -> dict[str, Any]:
    unpickler = _Unpickler(io.BytesIO(data))

    try:
        found = unpickler.load()
    except Exception as error:  # whatever the code of the pickle raises
        needed = f" for {unpickler.name}" if unpickler.name else ""
        why = f"its properties: {type(error).__name__}{needed}: {error}"
        raise RecordDamaged(owner, why) from error

    if not isinstance(found, dict):
        raise RecordDamaged(owner, f"its properties are a {type(found).__name__}")

    return found


def _is_json(value: Any) -> bool:
    """Tell whether JSON keeps a value with all its types."""
    kind = type(value)

    if kind is dict:
        return all(type(key) is str and _is_json(part) for key, part in value.items())

    if kind is list:
        return all(map(_is_json, value))

    if kind is float:
        return math.isfinite(value)

    return value is None or kind in (str, int, bool)
