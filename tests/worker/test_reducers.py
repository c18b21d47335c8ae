"""Things that neither pickle nor cloudpickle sends as they are."""

from __future__ import annotations

import dataclasses
import functools
import gc
import operator
import pickle
import typing
import weakref
from pathlib import Path
from typing import Any

import pytest

from asyncflow.worker.pickler import pickled
from asyncflow.worker.reducers import (
    cached_property,
    constant_name,
    dead,
    parts_of_variable,
    reduce_parametrized,
    variable,
)
from tests.support.programs import run


class Node:
    name = "root"


ROOT, CHANGED = Node(), Node()
CHANGED.name = "leaf"

METADATA = {"origin": dict, "args": (int, str), "parameters": ()}
"""What pydantic keeps of a generic model with arguments."""


def again(value: object) -> Any:
    return pickle.loads(pickled(value))


def test_a_weak_reference_lives_by_what_else_is_sent() -> None:
    node = Node()
    held, reference = again([node, weakref.ref(node)])
    assert type(held) is Node
    assert reference() is held

    alone = again(weakref.ref(node))
    gc.collect()
    assert alone() is None


def test_a_weak_reference_to_what_is_gone_arrives_so() -> None:
    gone = weakref.ref(Node())
    gc.collect()
    assert again(gone)() is None
    gc.collect()
    assert dead()() is None


def test_weak_mappings_have_what_else_is_sent() -> None:
    node = Node()
    held, by_key, by_value = again(
        [
            node,
            weakref.WeakKeyDictionary({node: 1}),
            weakref.WeakValueDictionary({"a": node}),
        ]
    )
    assert by_key[held] == 1
    assert by_value["a"] is held


def test_a_cached_property_is_made_anew() -> None:
    made = again(functools.cached_property(len))
    assert isinstance(made, functools.cached_property)
    assert (made.func, made.attrname) == (len, None)
    assert cached_property(len, "size").attrname == "size"


def test_a_type_variable_is_made_of_its_parts() -> None:
    bound = typing.TypeVar("bound", bound=Node, covariant=True)
    either = typing.TypeVar("either", int, str)

    one: Any = variable(*parts_of_variable(bound))
    other: Any = variable(*parts_of_variable(either))

    assert (one.__name__, one.__bound__, one.__covariant__) == ("bound", Node, True)
    assert (other.__name__, other.__constraints__) == ("either", (int, str))
    assert not other.__covariant__


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (dataclasses.MISSING, "MISSING"),
        (Node(), None),  # nothing of its module has it
        (ROOT, "ROOT"),
        (CHANGED, None),  # it has a state of its own
    ],
    ids=range(4),
)
def test_a_constant_is_told_by_its_name(value: object, name: str | None) -> None:
    assert constant_name(value) == name


def test_only_models_with_arguments_are_parametrized() -> None:
    page = type("Page", (), {"__pydantic_generic_metadata__": METADATA})
    assert reduce_parametrized(page) == (operator.getitem, (dict, (int, str)))
    plain = {**METADATA, "origin": None}
    assert not reduce_parametrized(
        type("Page", (), {"__pydantic_generic_metadata__": plain})
    )
    assert not reduce_parametrized(int)


SCRIPT = """
import dataclasses
from typing import Generic, TypeVar
import anyio
import pydantic
from asyncflow import Config, Orchestrator

Item = TypeVar("Item")

class Page(pydantic.BaseModel, Generic[Item]):
    items: list[Item]

@dataclasses.dataclass
class Point:
    x: int
    y: int = 2

def job(_):
    field, _ = dataclasses.fields(Point)
    assert pydantic.TypeAdapter(Point).validate_python({"x": "1"}) == Point(1)
    return Page[int](items=[1]), field.default is dataclasses.MISSING

source = Config.configure_data_node("source", default_data=1)
out = Config.configure_data_node("out")
task = Config.configure_task("job", job, source, out)
cfg = Config.configure_scenario("all", [task])
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store="store.db") as orchestrator:
        if not (known := await orchestrator.scenarios()):
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
        else:
            scenario = await orchestrator.get_scenario(known[0].id)

        page, is_missing = await scenario.out.read()
        print(type(page) is Page[int], page == Page[int](items=[1]), is_missing)

anyio.run(main)
"""


def test_generic_models_and_constants_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    for _ in range(2):
        assert run(script, folder=tmp_path) == "True True True\n"
