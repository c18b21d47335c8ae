"""Which alternatives there are: built in, registered, or found as entry points."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asyncflow import Configuration, executors
from asyncflow.abc import Driver
from asyncflow.alternatives import (
    DRIVERS,
    EXECUTORS,
    MODES,
    STORES,
    Alternatives,
    executor_of,
)
from asyncflow.drivers import BUILT_IN
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.thread import ThreadExecutor
from tests.support.toy_driver import ToyDriver


@pytest.fixture
def drivers() -> Alternatives[Driver]:
    """Give alternatives of which one is built in."""
    home = "asyncflow.drivers.pickle:PickleDriver"
    return Alternatives("asyncflow.no_group", {"pickle": home})


def test_a_class_is_loaded_once(drivers: Alternatives[Driver]) -> None:
    assert drivers.load("pickle") is PickleDriver
    assert drivers.find("pickle") is PickleDriver
    assert drivers.is_built_in("pickle")

    with pytest.raises(LookupError):
        drivers.load("nothing")

    assert drivers.find("nothing") is None
    assert drivers.find(3) is None
    assert not drivers.is_known("nothing")


def test_the_modules_of_what_is_loaded_are_known(
    drivers: Alternatives[Driver],
) -> None:
    drivers.register("toy", ToyDriver)
    drivers.load("toy")
    assert drivers.modules() == set()
    drivers.load("pickle")
    assert drivers.modules() == {"asyncflow.drivers.pickle"}


def test_what_is_registered_is_found_by_its_class_or_its_home(
    drivers: Alternatives[Driver],
) -> None:
    drivers.register("memory", MemoryDriver)
    drivers.register("toy", "tests.support.toy_driver:ToyDriver")
    assert drivers.names() == ("pickle", "memory", "toy")
    assert drivers.find("memory") is MemoryDriver
    assert drivers.find("toy") is ToyDriver
    drivers.register("toy", MemoryDriver)
    assert drivers.find("toy") is MemoryDriver
    drivers.unregister("toy")
    drivers.unregister("toy")
    assert drivers.find("toy") is None
    assert not drivers.is_built_in("memory")


@pytest.mark.parametrize(
    ("home", "why"),
    [
        ("no_such_module:Toy", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("os:Toy", "AttributeError: module 'os' has no attribute 'Toy'"),
    ],
)
def test_what_fails_to_load_is_known_with_its_failure(
    drivers: Alternatives[Driver], home: str, why: str
) -> None:
    drivers.register("toy", home)
    assert drivers.failure("toy") is None  # nobody has asked
    assert drivers.find("toy") is None
    assert drivers.is_known("toy")
    assert drivers.failure("toy") == why

    with pytest.raises((ImportError, AttributeError)):
        drivers.load("toy")

    drivers.register("toy", ToyDriver)
    assert drivers.failure("toy") is None
    assert drivers.find("toy") is ToyDriver


def test_a_mode_takes_the_place_of_the_default_executor() -> None:
    default = executors.DEFAULT
    assert executor_of(default, "standalone") is MODES.load("standalone")
    assert executor_of("thread", "standalone") is ThreadExecutor
    assert executor_of(default, "development") is InlineExecutor
    assert executor_of("thread", "development") is InlineExecutor  # it runs all
    assert executor_of("nothing", "standalone") is None
    assert executor_of("thread", "nothing") is ThreadExecutor


def test_nothing_built_in_is_replaced() -> None:
    for kind in (DRIVERS, EXECUTORS, MODES, STORES):
        for name in kind.names():
            if kind.is_built_in(name):
                with pytest.raises(ValueError, match="is built in"):
                    kind.register(name, "os:path")


def test_drivers_are_called_as_they_are_listed() -> None:
    for name in DRIVERS.names():
        assert DRIVERS.load(name).storage_type == name


def test_an_entry_point_is_found(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "toy-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[asyncflow.drivers]\nboxed = tests.support.toy_driver:ToyDriver\n"
    )
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    monkeypatch.setattr(DRIVERS, "_entry_points", None)
    monkeypatch.setattr(DRIVERS, "_registered", {"toy": ToyDriver})

    config.configure_data_node("made", "boxed", level=2)

    assert DRIVERS.names() == (*BUILT_IN, "toy", "boxed")
    assert config.data_nodes["made"].options == {"level": 2}
    assert config.problems() == ()
