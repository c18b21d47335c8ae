"""Every public name of Taipy's scenario management: here, or told why not."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow.entities import reasons
from tests.support.taipy_names import (
    BEGIN,
    NAMES,
    OWNERS,
    PAGE,
    Name,
    fields_of,
    names,
    tables,
)

MODULES: dict[str, Any] = {"reasons": reasons}
BESIDE = {"Edit", "MongoDefaultDocument", "Reason"}
"""What Taipy has beside a class, and here is a name of the package."""

EVERY = list(names())
HERE = [name for name in EVERY if name.verdict == "same"]


def found(name: Name) -> Any:
    """Return what has a name here; fails where nothing has."""
    owner = asyncflow if name.name in BESIDE else OWNERS[name.group]

    if name.name in fields_of(owner):
        return None

    return inspect.getattr_static(owner, name.name, None) or getattr(owner, name.name)


def test_each_group_has_an_owner() -> None:
    assert list(OWNERS) == list(NAMES)
    assert len({(name.group, name.name) for name in EVERY}) == len(EVERY)


@pytest.mark.parametrize("group", NAMES)
def test_what_is_the_same_is_here(group: str) -> None:
    for name in HERE:
        if name.group != group:
            continue

        it = found(name)

        if name.parameters:
            signature = inspect.signature(it)
            own = [one for one in signature.parameters if one != "self"]
            assert tuple(own[: len(name.parameters)]) == name.parameters, name.name
            kinds = {signature.parameters[one].kind for one in name.parameters}
            assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}, name.name


def test_what_has_another_name_is_here() -> None:
    for name in EVERY:
        if name.verdict != "other":
            continue

        first, *rest = name.place.split(".")
        it: Any = MODULES.get(first) or getattr(tp, first, None)
        it = it or getattr(asyncflow, first)

        for part in rest:
            assert part in fields_of(it) or hasattr(it, part)


def test_what_was_decided_otherwise_says_why() -> None:
    assert [n.name for n in EVERY if n.verdict == "otherwise" and not n.note] == []


def test_the_page_has_each() -> None:
    """`python -m tests.support.taipy_names` writes it anew."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert rest.strip() == tables().strip()
