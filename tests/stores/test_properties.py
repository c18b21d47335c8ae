"""The users' own values that records carry: as JSON, or pickled."""

from __future__ import annotations

import json
import pickle
import threading
from typing import Any

import pytest

from asyncflow.errors import NotPicklable, RecordDamaged
from asyncflow.stores._properties import (
    PickledProperties,
    check_properties,
    dump_properties,
    load_properties,
)
from tests.support.records import (
    Color,
    job_record,
    scenario_record,
    submission_record,
)

OWNER = "SCENARIO_c_1"

PLAIN: list[dict[str, Any]] = [
    {},
    {"a": [1, None, {"b": 1.5}], "é": True},
    {"": "", "long": 7**99},
]

OTHERS: list[dict[str, Any]] = [
    {"tuple": (1, 2)},
    {"enum": Color.RED},
    {"keys": {1: "an int"}},
    {"infinite": float("inf")},
    {"half a pair": "\udc80"},
    {"deep": [{"set": {1}}]},
]


class Unloadable:
    """Raises an error when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return json.loads, ("no JSON",)


@pytest.mark.parametrize("properties", PLAIN, ids=repr)
def test_plain_data_is_kept_as_json(properties: dict[str, Any]) -> None:
    text, pickled = dump_properties(properties, OWNER)
    assert pickled is None
    assert json.loads(text) == properties
    assert load_properties(OWNER, text, pickled) == properties


@pytest.mark.parametrize("properties", OTHERS, ids=repr)
def test_what_json_would_change_is_pickled(properties: dict[str, Any]) -> None:
    text, pickled = dump_properties(properties, OWNER)
    assert text == ""
    found = load_properties(OWNER, text, pickled)
    assert repr(found) == f"<pickled properties of {OWNER}>"
    assert found == properties
    assert {name: found[name] for name in found} == properties
    assert len(found) == len(properties)
    assert repr(found) == repr(properties)


def test_a_text_that_json_cannot_hold_at_all_is_pickled() -> None:
    deep: list[Any] = []

    for _ in range(300):
        deep = [deep]

    text, pickled = dump_properties({"deep": deep}, OWNER)
    assert load_properties(OWNER, text, pickled) == {"deep": deep}


def test_what_cannot_be_kept_is_named() -> None:
    lost = {"file": [1, threading.Lock()]}

    with pytest.raises(NotPicklable, match=rf"{OWNER}\['file'\]\[1\]"):
        dump_properties(lost, OWNER)

    check_properties([job_record(1), scenario_record(1)])

    for record in (scenario_record(1), submission_record(1)):
        with pytest.raises(NotPicklable, match=record.id):
            check_properties([job_record(1), record._replace(properties=lost)])


def test_a_pickle_is_loaded_when_somebody_looks() -> None:
    data = pickle.dumps({"a": Unloadable()})
    found = load_properties(OWNER, "", data)
    assert dump_properties(found, OWNER) == ("", data)
    assert found == PickledProperties(OWNER, data)
    assert pickle.loads(pickle.dumps(found)).data == data

    for _ in range(2):
        with pytest.raises(RecordDamaged, match=r"JSONDecodeError.*delete") as caught:
            len(found)

        assert caught.value.entity_id == OWNER


def test_a_class_that_is_gone_is_named() -> None:
    data = pickle.dumps({"a": Color.RED}).replace(b"Color", b"Colon")

    with pytest.raises(RecordDamaged, match=r"for tests\.support\.records\.Colon"):
        load_properties(OWNER, "", data)["a"]


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match="its properties are a list"):
        load_properties(OWNER, "[]", None)

    with pytest.raises(RecordDamaged, match="its properties are a list"):
        len(load_properties(OWNER, "", pickle.dumps([])))


def test_pickled_properties_compare_as_a_mapping() -> None:
    found = PickledProperties(OWNER, pickle.dumps({"a": (1,)}))
    assert found == {"a": (1,)}
    assert found != {"a": [1]}
    assert found != "a"
    assert found == PickledProperties("another", pickle.dumps({"a": (1,)}, 2))
