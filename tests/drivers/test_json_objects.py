"""Enums and dataclasses in JSON files: of other programs, and of earlier versions."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from asyncflow.drivers.json import JSONDriver
from asyncflow.errors import DataNodeReadingError


@dataclasses.dataclass
class Sum:
    parts: list[int]
    total: int = dataclasses.field(init=False)
    unset: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.parts)
        self._seen = len(self.parts)

    @functools.cached_property
    def double(self) -> object:
        return object()


def read(folder: Path, text: Any) -> Any:
    path = folder / "own.json"
    path.write_text(json.dumps(text))
    return JSONDriver(str(path)).read(None)


def marked(state: object, name: str = "Sum", kind: str = "dataclass") -> dict[str, Any]:
    return {"__type__": f"{kind} {__name__}:{name}", "__value__": state}


def test_all_that_an_object_has_comes_back(tmp_path: Path) -> None:
    value = Sum([1, 2])
    value.total, value._seen = 5, 7
    assert value.double
    path = str(tmp_path / "A-1.value")
    made = JSONDriver()
    found: Any = made.read(made.publish(made.write(value, path, "node"), path))
    assert vars(found) == {"parts": [1, 2], "total": 5, "_seen": 7}


def test_what_lacks_fields_is_made_by_its_class(tmp_path: Path) -> None:
    """As earlier versions wrote it, which kept what `__init__` takes."""
    found = read(tmp_path, marked({"parts": [1, 2]}))
    assert (found.total, found._seen) == (3, 2)
    assert read(tmp_path, marked({"parts": [1, 2], "total": 9})).total == 9


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (marked({"parts": [], "zz": 1}), "Sum has no field 'zz'"),
        (marked({}), "Sum cannot be made .*missing"),
        (marked({}, "Gone"), "its class .*Gone cannot be imported"),
        (
            {"__type__": "enum __main__:Gone", "__value__": "A"},
            "its class __main__:Gone cannot be imported",
        ),
        ({"__type__": "enum no_such_module:A", "__value__": "A"}, "cannot be imported"),
        ({"__type__": "enum enum:FlagBoundary", "__value__": "A"}, "has no member 'A'"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, value: Any, why: str) -> None:
    with pytest.raises(DataNodeReadingError, match=why) as found:
        read(tmp_path, value)

    assert "no whole json" not in str(found.value)
    assert "bring back" not in str(found.value)
