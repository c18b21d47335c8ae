"""What a worker has in place of modules that only its parent has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.worker import current, local_modules, stand_in
from tests.support.programs import run

APP = """
from __future__ import annotations
import copy, multiprocessing, pickle, typing
from dataclasses import dataclass
from enum import Enum
import asyncflow.sync as tp
from asyncflow import Config

with open("runs", "a") as file:
    file.write("run ")

class Color(Enum):
    RED = 1

@dataclass(frozen=True, slots=True)
class Row:
    color: Color

class Outer:
    class Inner:
        pass

def same(row):
    return row

def work(row):
    assert pickle.loads(pickle.dumps([row, Outer.Inner, same])) == [row, Outer.Inner, same]
    assert typing.get_type_hints(Row) == {"color": Color}
    assert type(row) is Row

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(same, [row])[0]

source = Config.configure_data_node("source", default_data=Row(Color.RED))
out = Config.configure_data_node("out")
cfg = Config.configure_scenario("s", Config.configure_task("work", work, source, out))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
tp.Orchestrator().run()

def handle():
    scenario = tp.create_scenario(cfg)
    (job,) = scenario.submit(wait=True, timeout=30).jobs

    with open("ids", "a+") as file:
        file.write(scenario.id + " ")
        file.seek(0)
        ids = file.read().split()

    kept = [scenario.out.read() for scenario in map(tp.get, ids)]
    assert all(type(one) is Row and one.color is Color.RED for one in kept), kept
    print(job.status, job.reason, len(kept))
"""


@pytest.mark.smoke
def test_a_job_finds_by_name_what_its_module_defines(tmp_path: Path) -> None:
    """The module opens the orchestrator, and is not run for a job, or in a pool of one."""
    (tmp_path / "app.py").write_text(APP)
    use = "import app; app.handle(); app.tp.stop()"
    assert run("-c", use, folder=tmp_path) == "COMPLETED  1\n"
    assert run("-c", use, folder=tmp_path) == "COMPLETED  2\n"
    assert (tmp_path / "runs").read_text() == "run run "


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module of which something travels to this process."""
    name = "asyncflow_test_absent"
    monkeypatch.setattr(current, "is_worker", True)
    yield name
    sys.modules.pop(name, None)
    local_modules.names.pop(name, None)


def test_what_has_not_travelled_is_told(module: str) -> None:
    stand_in.take({"__name__": module, "__file__": "a.py", "one": 1, "__all__": []})
    stand_in.put(module, "Outer.Inner", int)
    found = sys.modules[module]
    assert (found.one, found.__file__) == (1, "a.py")
    assert not hasattr(found, "__path__")
    assert local_modules.is_local(module)
    assert "what has travelled of it" in repr(found)

    with pytest.raises(
        AttributeError, match="'other' in a worker process: the module is"
    ):
        _ = found.other


def test_what_a_job_imports_all_the_same_is_of_one_module(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{module}.py").write_text("one, two = 0, 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    stand_in.put(module, "one", 1)
    first = sys.modules[module]
    assert first.two == 2
    assert sys.modules[module] is not first
    assert sys.modules[module].one == first.one == 1
    assert first.two == 2
    stand_in._run.pop(module)


def test_nothing_stands_for_a_module_elsewhere_than_in_a_worker() -> None:
    stand_in.put("asyncflow_test_absent", "one", 1)
    assert "asyncflow_test_absent" not in sys.modules
