"""What instances consist of, as they are at each start."""

from __future__ import annotations

import contextvars
import io
import struct
import typing
import weakref

import pytest

from asyncflow.fingerprint.fingerprint import fingerprint
from asyncflow.fingerprint.instances import held_by, parts_of_state, parts_of_typing
from tests.support.own_code import Load

USED = {
    "pandas": (
        "import pandas as pd\nG = pd.Series([1], index=pd.date_range('2020', periods=1, tz='UTC'))",
        "G.resample('D').sum(), repr(G), G.index.is_unique",
    ),
    "pydantic": (
        "import pydantic\n@pydantic.dataclasses.dataclass\nclass D:\n    a: int = 1\nG = pydantic.TypeAdapter(list[D])",
        "G.validate_python([{'a': 1}]), G.json_schema()",
    ),
    "singledispatchmethod": (
        "import functools\nclass G:\n    @functools.singledispatchmethod\n    def go(self, x): return 0",
        "G().go(1)",
    ),
}


@pytest.mark.parametrize("name", USED)
def test_use_changes_nothing(load: Load, name: str) -> None:
    pytest.importorskip(name) if name in ("pandas", "pydantic") else None
    text, use = USED[name]
    before, after = (
        fingerprint(load("own_used", own_used=f"{text}\n{more}\ndef f(): return G").f)
        for more in ("", use)
    )
    assert not before.unknown
    assert before.text == after.text


class Held:
    """Can be referred to weakly."""


def test_what_a_weak_reference_holds() -> None:
    held = Held()
    values: weakref.WeakValueDictionary[str, Held] = weakref.WeakValueDictionary(a=held)
    keys = weakref.WeakKeyDictionary({held: 1})
    assert held_by(weakref.ref(held)) == (held,)
    assert held_by(values) == ({"a": held},)
    assert held_by(keys) == ({held: 1},)
    assert held_by(weakref.WeakSet([held])) == ({held},)

    reference = weakref.ref(held)
    del held, values, keys
    assert held_by(reference) == (None,)


def test_a_context_variable_holds_its_default() -> None:
    """What it is set to here is no property of it."""
    without: contextvars.ContextVar[int] = contextvars.ContextVar("without")
    variable = contextvars.ContextVar("variable", default=1)
    token = variable.set(2)

    try:
        assert held_by(variable) == ("variable", 1)
        assert held_by(without) == ("without",)
    finally:
        variable.reset(token)


def test_a_format_holds_its_text() -> None:
    assert held_by(struct.Struct("2i")) == ["2i"]


@pytest.mark.parametrize("value", [1, [1], {"a": 1}, Held(), io.StringIO(), len])
def test_what_is_no_such_container(value: object) -> None:
    assert held_by(value) is None


def test_a_state_is_in_the_order_of_its_names() -> None:
    state = {"b": 1, "a": 2}
    (part,) = parts_of_state(state, Held)
    assert list(part.items()) == [("a", 2), ("b", 1)]  # type: ignore[attr-defined]  # a dict
    assert list(parts_of_state((None, {"s": 1}), Held)) == [None, {"s": 1}]
    assert list(parts_of_state({}, Held)) == []
    assert list(parts_of_state({1: "x"}, Held)) == [{1: "x"}]


def test_caches_of_a_package_are_no_state() -> None:
    class Frame:
        __module__ = "pandas.core.frame"

    assert list(parts_of_state({"_cache": 1, "data": 2}, Frame)) == [{"data": 2}]
    assert list(parts_of_state({"_cache": 1, "data": 2}, Held)) == [
        {"_cache": 1, "data": 2}
    ]


def test_what_a_hint_consists_of_tells_it_from_others() -> None:
    hints = [
        typing.Optional[int],  # noqa: UP045  # that is what is tested
        typing.Union[int, str],  # noqa: UP007  # the same
        typing.Literal["a"],
        typing.Annotated[int, "a"],
        typing.Annotated[int, "b"],
        typing.TypeVar("T"),
        typing.TypeVar("T", bound=int),
        typing.ForwardRef("A"),
    ]
    assert len({repr(list(parts_of_typing(hint))) for hint in hints}) == len(hints)


def test_a_part_that_cannot_be_asked_for_is_none() -> None:
    class Late:
        @property
        def __value__(self) -> None:
            raise NameError("not yet")

    assert list(parts_of_typing(Late()))[-1] is None
