"""Fields of forms for values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from asyncflow import Configuration
from asyncflow.entities.typed import Typed
from asyncflow.web import fields
from asyncflow.web.fields import Field, Kind
from tests.support import flows


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.ANY, "[1]", [1]),
        (Kind.ANY, "one", "one"),
        (Kind.TEXT, "1", "1"),
        (Kind.NUMBER, " 1 ", 1),
        (Kind.NUMBER, "1e3", 1000.0),
        (Kind.REAL, "1", 1.0),
        (Kind.FLAG, "True", True),
        (Kind.INSTANT, "2026-01-02T03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        (
            Kind.INSTANT,
            "2026-01-02T03:04+02:00",
            datetime(2026, 1, 2, 1, 4, tzinfo=UTC),
        ),
    ],
)
def test_a_text_is_a_value(kind: Kind, text: str, value: object) -> None:
    found = fields.read(kind, text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.WHOLE, "1.0"),
        (Kind.WHOLE, "1" * 2000),
        (Kind.NUMBER, ""),
        (Kind.OBJECT, "[" * 100_000),
        (Kind.FLAG, "1"),
    ],
)
def test_another_text_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=f"it is {kind.value}; got"):
        fields.read(kind, text)


def test_an_empty_field_is_right_unless_it_is_needed() -> None:
    field = Field("n", Kind.NUMBER)
    assert not field.checked("").error
    assert field.checked("", is_needed=True).error
    assert not Field("n", Kind.TEXT).checked("", is_needed=True).error


def test_lines_end_as_python_ends_them() -> None:
    assert Field("n", Kind.TEXT).checked("a\r\nb").read() == "a\nb"


def test_a_default_says_the_kind_and_else_an_annotation() -> None:
    def function(first: int, second: str, third: object, fourth: object) -> int:
        return 1

    config = Configuration()
    defaults: dict[str, Any] = {"a": 1.5, "b": None, "c": None, "d": {1}}
    nodes = [
        config.configure_data_node(name, default_data=value)
        for name, value in defaults.items()
    ]
    task = config.configure_task("t", function, nodes, config.configure_data_node("e"))
    declared = fields.first_values(config.configure_scenario("s", task))
    assert [(field.name, field.kind) for field in declared] == [
        *(("a", Kind.REAL), ("b", Kind.TEXT), ("c", Kind.ANY))
    ]
    assert declared[0].hint == "1.5"


def test_microseconds_are_not_lost() -> None:
    for text, shape in (
        ("2026-01-02T03:04:05.000006", "text"),
        ("2026-01-02T03:04:05", "datetime-local"),
    ):
        field = fields.field_of("n", Typed("datetime.datetime", text))
        assert field is not None
        assert field.shape == shape
        assert field.read().isoformat() == text


def test_an_error_is_at_the_field_that_it_names() -> None:
    error = ValueError("no")
    error.node = "b"  # type: ignore[attr-defined]  # as errors of values have it
    found, problem = fields.refused([Field("a", Kind.ANY), Field("b", Kind.ANY)], error)
    assert ([field.error for field in found], problem) == (["", "no"], "")
    assert fields.refused([], error) == ([], "no")


def test_sources_are_read_and_not_written() -> None:
    config = flows.chain(Configuration(), flows.double, flows.double)
    assert fields.sources(config) == ["n0"]


def read_all(real: float, when: date, many: list[int], anything: object) -> int:
    return 1


def read_from_json(given: dict[str, Any]) -> dict[str, Any]:
    config = Configuration()
    names = ("real", "when", "many", "anything")
    nodes = [config.configure_data_node(name) for name in names]
    others = {"count": 1, "flag": True, "nothing": None, "text": "a", "set": {1}}
    more = [
        config.configure_data_node(name, default_data=value)
        for name, value in others.items()
    ]
    task = config.configure_task(
        "t", read_all, nodes, config.configure_data_node("out")
    )
    return fields.from_json([*nodes, *more], given, [task])


@pytest.mark.parametrize(
    ("name", "sent", "value"),
    [
        ("real", 1, 1.0),
        ("when", "2026-01-02", date(2026, 1, 2)),
        ("many", [1], [1]),
        ("anything", None, None),
        *(("count", 2, 2), ("count", 1.5, 1.5)),
        ("flag", False, False),
        ("nothing", None, None),
        ("text", "1", "1"),
        ("set", [1], [1]),
        ("unknown", 1, 1),
    ],
)
def test_json_is_a_value_of_the_kind_that_is_declared(
    name: str, sent: object, value: object
) -> None:
    found = read_from_json({name: sent})[name]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "sent", "kind"),
    [
        *(("real", "1", Kind.REAL), ("real", 10**400, Kind.REAL)),
        *(("real", None, Kind.REAL), ("real", True, Kind.REAL)),
        *(("when", 5, Kind.DATE), ("when", "garbage", Kind.DATE)),
        ("many", {}, Kind.LIST),
        *(("count", "abc", Kind.NUMBER), ("count", None, Kind.NUMBER)),
        *(("count", [1], Kind.NUMBER), ("count", True, Kind.NUMBER)),
        ("flag", 1, Kind.FLAG),
        ("text", 1, Kind.TEXT),
    ],
)
def test_json_of_another_kind_is_refused(name: str, sent: object, kind: Kind) -> None:
    with pytest.raises(HTTPException) as caught:
        read_from_json({name: sent})

    assert caught.value.status_code == 422
    assert caught.value.detail.startswith(f"{name}: it is {kind.value}; ")
