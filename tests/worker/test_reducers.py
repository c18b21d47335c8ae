"""Things that neither pickle nor cloudpickle sends as they are."""

from __future__ import annotations

import functools
import gc
import pickle
import typing
import weakref
from typing import Any

from asyncflow.worker.by_value import pickled
from asyncflow.worker.reducers import (
    cached_property,
    dead,
    parts_of_variable,
    variable,
)


class Node:
    name = "root"


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
