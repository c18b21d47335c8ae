"""What annotations name in their texts is found, so that it can be sent along."""

from __future__ import annotations

import json
import sys
import typing
from typing import Any

import pytest

from asyncflow.worker.annotations import named_in_annotations


class Order:
    pass


def placed() -> None:
    pass


CONTENT: dict[str, object] = {
    "Order": Order,
    "Many": list[Order],
    "Either": int | None,
    "json": json,
    "Some": typing.Any,
    "limit": 3,
    "place": placed,
}


def annotated(*annotations: Any) -> Any:
    def function() -> None:
        pass

    function.__annotations__ = {f"a{i}": one for i, one in enumerate(annotations)}
    return function


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("Order", {"Order"}),
        ("dict[Order, Many] | Either", {"Order", "Many", "Either"}),
        ("json.Decoder", {"json"}),
        ("Some", {"Some"}),
        ("Unknown | Orders", set()),
        ("limit", set()),  # a number is no type, and a function none either
        ("place", set()),
        (typing.Optional["Order"], {"Order"}),
        (Order, set()),  # no text: it travels with what has it
    ],
    ids=range(9),
)
def test_types_that_a_text_names_are_found(annotation: Any, names: set[str]) -> None:
    found = named_in_annotations(annotated(annotation), CONTENT)
    assert found == {name: CONTENT[name] for name in names}


def test_annotations_that_cannot_be_had_name_nothing() -> None:
    class Lazy:
        @property
        def __annotations__(self) -> Any:  # type: ignore[override]  # it is lazy
            raise NameError("Order")

    assert named_in_annotations(Lazy(), CONTENT) == {}
    assert named_in_annotations(1, CONTENT) == {}


def test_names_are_those_of_the_main_script_where_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "Order", Order, raising=False)
    assert named_in_annotations(annotated("Order")) == {"Order": Order}
