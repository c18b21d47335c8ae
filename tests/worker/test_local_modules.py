"""Modules that only the program has: loaded from a file, or under way when it opens."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from asyncflow.worker import local_modules
from tests.support.programs import run

APP = """
import asyncflow.sync as tp
from asyncflow import Config

class Amount:
    def __init__(self, number):
        self.number = number

def helped(amount):
    return Amount(amount.number * 2)

def double(amount):
    return helped(amount)

source = Config.configure_data_node("x", default_data=Amount(21))
out = Config.configure_data_node("out")
task = Config.configure_task("double", double, source, out)
cfg = Config.configure_scenario("s", task)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
orchestrator = tp.Orchestrator()
orchestrator.run()

def handle():
    scenario = tp.create_scenario(cfg)
    scenario.submit(wait=True, timeout=30)
    found = scenario.out.read()
    assert type(found) is Amount, type(found)
    return found.number
"""

USE = "import {0} as app; print(app.handle()); app.orchestrator.stop()"


@pytest.mark.limit(60)
def test_a_module_opens_an_orchestrator_while_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    assert run("-c", USE.format("app"), folder=tmp_path) == "42\n"


@pytest.mark.limit(60)
def test_a_module_submits_while_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f"{APP}\nprint(handle())\n")
    assert run("-c", USE.format("app"), folder=tmp_path) == "42\n42\n"


@pytest.mark.limit(60)
def test_a_module_of_a_package_opens_one(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "__init__.py").write_text("from site_.app import handle\n")
    (tmp_path / "site").rename(tmp_path / "site_")
    (tmp_path / "site_" / "app.py").write_text(APP)
    use = "import site_; print(site_.handle()); site_.app.orchestrator.stop()"
    assert run("-c", use, folder=tmp_path) == "42\n"


NEIGHBOUR = """
def work(x):
    import app

    try:
        app.handle()
    except Exception as error:
        return x, type(error).__name__, app.orchestrator.is_running
"""

WITH_NEIGHBOUR = (
    APP.replace(
        "from asyncflow import Config",
        """
from asyncflow import Config
import neighbour
""",
    )
    .replace(
        '("double", double, source, out)', '("double", neighbour.work, source, out)'
    )
    .replace("default_data=Amount(21)", "default_data=21")
    .replace(
        "assert type(found) is Amount, type(found)\n    return found.number",
        "return found",
    )
)


@pytest.mark.limit(60)
def test_a_worker_that_imports_it_opens_none(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WITH_NEIGHBOUR)
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR)
    found = run("-c", USE.format("app"), folder=tmp_path)
    assert found == "(21, 'InsideWorker', False)\n"


ASYNC = """
import anyio
from asyncflow import Config, Orchestrator

def double(x):
    return x * 2

source = Config.configure_data_node("x", default_data=21)
out = Config.configure_data_node("out")
cfg = Config.configure_scenario("s", Config.configure_task("t", double, source, out))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        return await scenario.out.read()

result = anyio.run(main)
"""


@pytest.mark.limit(60)
def test_a_module_runs_a_loop_while_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text(ASYNC)
    found = run("-c", "import whole; print(whole.result)", folder=tmp_path)
    assert found == "42\n"


PLUGIN = """
class Thing:
    def __init__(self, value):
        self.value = value

def more(thing):
    return Thing(thing.value + 1)

def step(thing):
    return more(thing)
"""

LOADED = """
import importlib.util, pathlib, sys, types
import anyio
from asyncflow import Config, Orchestrator

def from_file(name):
    spec = importlib.util.spec_from_file_location(name, "plugins/plugin.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def by_hand(name):
    module = sys.modules[name] = types.ModuleType(name)
    exec(pathlib.Path("plugins/plugin.py").read_text(), vars(module))
    return module

def path_went(name):
    sys.path.insert(0, "plugins")
    module = __import__("plugin")
    sys.path.pop(0)
    return module

def pass_on(thing):
    return thing

async def main():
    Config.configure_job_executions("standalone", 1)
    async with Orchestrator(store=":memory:") as orchestrator:
        for make in (from_file, by_hand, path_went):
            module = make(f"made_{make.__name__}")
            for function in (module.step, pass_on):
                Config.clear()
                Config.configure_job_executions("standalone", 1)
                thing = module.Thing(41)
                source = Config.configure_data_node("x", default_data=thing)
                out = Config.configure_data_node("out")
                task = Config.configure_task("t", function, source, out)
                cfg = Config.configure_scenario("s", task)
                scenario = await orchestrator.create_scenario(cfg)
                await scenario.submit()
                found = await scenario.out.read()
                print(make.__name__, found.value, type(found) is module.Thing)

anyio.run(main)
"""


@pytest.mark.limit(60)
def test_modules_that_no_worker_can_import_travel(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "plugin.py").write_text(PLUGIN)
    (tmp_path / "script.py").write_text(LOADED)
    assert run("script.py", folder=tmp_path).splitlines() == [
        f"{make} {value} True"
        for make in ("from_file", "by_hand", "path_went")
        for value in (42, 41)
    ]


NAMED = """
import enum, functools, typing

T = typing.TypeVar("T")
UserId = typing.NewType("UserId", int)

class Kind(enum.Enum):
    ONE = 1

class Only:
    def __reduce__(self):
        return "ONLY"

ONLY = Only()

@functools.lru_cache(maxsize=3)
def sums(x):
    return x if x < 2 else sums(x - 1) + sums(x - 2)

@functools.singledispatch
def kind_of(x):
    return "other"

@kind_of.register
def _(x: int):
    return "int"

def step(x: UserId) -> T:
    return sums(10), kind_of(x), UserId(x), ONLY is ONLY, T.__name__, Kind.ONE

def give(x):
    return sums, UserId, ONLY, Kind.ONE, Kind
"""

USES_NAMED = """
import anyio, importlib.util, pathlib, sys
from asyncflow import Config, Orchestrator

def from_file():
    spec = importlib.util.spec_from_file_location("made", "named.py")
    module = sys.modules["made"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)

def as_main():
    names = {"__name__": "__main__"}
    exec(pathlib.Path("named.py").read_text(), names)
    return names

def as_other():
    names = {"__name__": "nowhere"}
    exec(pathlib.Path("named.py").read_text(), names)
    return names

async def main(make):
    Config.clear()
    Config.configure_job_executions("standalone", 1)
    names = make()
    source = Config.configure_data_node("x", default_data=1)
    tasks = [
        Config.configure_task(one, names[one], source, Config.configure_data_node(out))
        for one, out in (("step", "y"), ("give", "z"))
    ]
    cfg = Config.configure_scenario("s", tasks)
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        *found, kind = await scenario.y.read()
        given = await scenario.z.read()
        same = [names[one] for one in ("sums", "UserId", "ONLY")]
        print(*found, kind is names["Kind"].ONE)
        print(*(one is other for one, other in zip(given, same)), given[4](1) is given[3])

for make in (from_file, as_main, as_other):
    anyio.run(main, make)
"""


@pytest.mark.limit(60)
def test_what_pickle_only_names_travels_from_where_no_worker_finds_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "named.py").write_text(NAMED)
    (tmp_path / "script.py").write_text(USES_NAMED)
    lines = run("script.py", folder=tmp_path).splitlines()
    assert lines[::2] == ["55 int 1 True T True"] * 3
    assert lines[1] == "True True True True"  # a module is found again, by its name


@pytest.mark.limit(60)
def test_a_module_that_is_imported_has_what_pickle_only_names(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        APP.replace("def helped", "import functools\n@functools.lru_cache\ndef helped")
    )
    assert run("-c", USE.format("app"), folder=tmp_path) == "42\n"


@pytest.mark.smoke
def test_modules_of_tests_can_be_imported() -> None:
    local_modules.look()
    assert not local_modules.is_local(__name__)
    assert not local_modules.is_local("tests")
    assert not local_modules.is_local("asyncflow.worker.codec")


def test_a_thread_that_a_module_waits_for_is_part_of_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it sends would wait for the end of that import otherwise."""
    name = "asyncflow_test_waiting"
    (tmp_path / f"{name}.py").write_text(
        "import threading\n"
        "from asyncflow.worker.local_modules import take_importing\n"
        "thread = threading.Thread(target=take_importing)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    try:
        importlib.import_module(name)
        assert local_modules.is_local(name)
        assert not local_modules.are_importing()
    finally:
        local_modules.names.pop(name, None)
        sys.modules.pop(name, None)
