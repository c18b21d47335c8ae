from __future__ import annotations

import sys
from types import ModuleType

from tests.support import loaded_tests
from tests.support.loaded_tests import LoadedTests


def test_a_file_finds_no_other_tests() -> None:
    beside = f"{__name__.rpartition('.')[0]}.test_"
    assert {name for name in sys.modules if name.startswith(beside)} == {__name__}


def test_what_a_file_has_of_others_is_there() -> None:
    def made(name: str, **has: object) -> ModuleType:
        module = ModuleType(name)
        module.__dict__.update(has)
        return module

    def function() -> None: ...

    last, other = made("test_own_last", value=1), made("test_own_other")
    function.__module__ = "test_own_middle"
    middle = made("test_own_middle", function=function, last=last)
    first = made("test_own_first", function=function)
    loaded = LoadedTests([first, middle, last, other])
    used = {"test_own_first", "test_own_middle", "test_own_last"}

    try:
        loaded.only(first)
        assert {name for name in sys.modules if name.startswith("test_own_")} == used
        loaded.only(other)
        assert {name for name in sys.modules if name.startswith("test_own_")} == {
            "test_own_other"
        }
        assert {*loaded_tests.names(middle)} >= {"test_own_last", "test_own_middle"}
    finally:
        LoadedTests([first, middle, last, other]).only(ModuleType("none"))
