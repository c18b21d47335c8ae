"""What is written to a TOML file, and what has no form there."""

from __future__ import annotations

import datetime
import functools
import math
import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.config import Configuration, Scope
from asyncflow.config.toml.write import NoForm, dump, plain
from asyncflow.log import logger
from asyncflow.secret import names_secret
from tests.support.declaring import double
from tests.support.toml_files import (
    HERE,
    TEXT,
    Math,
    declare,
    loaded,
    refused,
    same,
)


def all_of(*values: object) -> object:
    return values


# ----------------------------------------------------------------------------- export


@pytest.mark.smoke
def test_export(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(file)
    assert file.read_text(encoding="utf-8") == TEXT
    assert os.listdir(file.parent) == [file.name]


def test_round_trip(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(str(file))
    again = loaded(file)
    assert same(config, again)
    assert again.problems() == ()
    assert again.tasks["double"].input == (again.data_nodes["my_input"],)


def test_an_empty_configuration_makes_a_file(config: Configuration, file: Path) -> None:
    config.export(file)
    assert same(loaded(file), config)


@pytest.mark.parametrize(
    "function",
    [math.sqrt, len, Math.half, Math.third, functools.partial, os.path.join, int],
    ids=lambda function: function.__name__,
)
def test_functions_by_name(
    config: Configuration, file: Path, function: Callable[..., object]
) -> None:
    config.configure_task("t", function)
    config.export(file)
    assert loaded(file).tasks["t"].function is function


def test_a_function_of_the_script(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_script() -> None: ...

    of_script.__module__, of_script.__qualname__ = "__main__", "of_script"
    monkeypatch.setattr(sys.modules["__main__"], "of_script", of_script, raising=False)
    config.configure_task("t", of_script)
    config.export(file)
    assert 'function = "__main__:of_script"' in file.read_text()
    assert loaded(file).tasks["t"].function is of_script


def local() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


def wrapped() -> Callable[..., object]:
    @functools.wraps(double)
    def wrapper(nb: int) -> int:
        return double(nb)

    return wrapper


@pytest.mark.parametrize(
    ("options", "field", "piece"),
    [
        pytest.param({"x": b"x"}, "x", "the bytes", id="bytes"),
        pytest.param({"x": (1, 2)}, "x", "tuple", id="tuple"),
        pytest.param({"x": [1, {"a": None}]}, "x", "[1]['a']: None", id="none"),
        pytest.param({"x": None}, "x", "None", id="none_alone"),
        pytest.param({"x": np.arange(3)}, "x", "ndarray", id="array"),
        pytest.param({"x": threading.Lock()}, "x", "the lock", id="object"),
        pytest.param({"x": {1: 2}}, "x", "the key 1", id="key"),
        pytest.param({"x": "\ud800"}, "x", "the str", id="surrogate"),
        pytest.param({"scope": 5j}, "scope", "complex", id="scope"),
        pytest.param(
            {"x": datetime.time(1, tzinfo=datetime.UTC)}, "x", "the time", id="time"
        ),
        pytest.param({"x": Scope.GLOBAL, "y": {1}}, "y", "the set {1}", id="set"),
    ],
)
def test_what_has_no_form_is_refused(
    config: Configuration, file: Path, options: dict[str, Any], field: str, piece: str
) -> None:
    config.configure_data_node("n", **options)
    problems = refused(lambda: config.export(file))
    assert [(each.section, each.field) for each in problems] == [("DATA_NODE.n", field)]
    assert piece in problems[0].message
    assert "set it in code" in problems[0].remedy
    assert os.listdir(file.parent) == []


@pytest.mark.parametrize(
    "value",
    [
        *(b"x", (1, 2), [1, {"a": None}], {1: 2}, 5j, timedelta(1), None),
        *(np.arange(3), np.zeros((3, 2)), pd.DataFrame({"a": [1, 2, 3], "b": 4})),
    ],
)
@pytest.mark.parametrize(
    "text",
    [None, "", "# ours\n[DATA_NODE.b]\nscope = 'GLOBAL'\n\n# two\n[DATA_NODE.a]\n"],
    ids=["none", "empty", "other"],
)
def test_default_data_without_a_form_stays_in_the_code(
    config: Configuration,
    file: Path,
    value: Any,
    text: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def declare_it(config: Configuration) -> None:
        config.configure_data_node("a", default_data=value, keep_versions=3)
        config.configure_data_node("b", default_data=4)

    if text is not None:
        file.write_text(text)

    declare_it(config)
    config.export(file)
    written = file.read_text()
    shape = " x ".join(map(str, getattr(value, "shape", ())))
    what = f"{type(value).__qualname__}{shape and ', '}{shape}"
    note = f"# default_data: set in code ({what})\n"
    assert f"keep_versions = 3\n{note}" in written
    assert not text or "# two\n[DATA_NODE.a]\n" in written
    assert logger.wait(5)
    assert "default_data of a has no TOML form" in caplog.text

    config.export(file)
    assert file.read_text() == written
    there = Configuration()
    declare_it(there)
    there.load(file)
    assert there.data_nodes["a"].default_data is value
    assert same(there, config)
    config.configure_data_node("a", default_data=1, keep_versions=3)
    config.export(file)
    assert note not in file.read_text()
    assert loaded(file).data_nodes["a"].same_content(config.data_nodes["a"])


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        ([np.int8(1), {"a": np.float64(2.5)}], [1, {"a": 2.5}]),
        (np.array(3), 3),
        (
            np.datetime64("2024-01-02T03:04:05"),
            datetime.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001  # it has no zone
        ),
    ],
    ids=["int", "float", "bool", "text", "list", "array", "date"],
)
def test_numpys_scalars_become_their_python_value(
    config: Configuration, file: Path, value: Any, read: object
) -> None:
    config.configure_data_node("a", default_data=value)
    config.export(file)
    found = loaded(file).data_nodes["a"].default_data
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize("id", [5, "\ud800"], ids=["int", "surrogate"])
def test_a_name_without_a_form_is_refused(
    config: Configuration, file: Path, id: Any
) -> None:
    properties: dict[str, Any] = {"\ud800": 1}
    config.configure_data_node(id, **properties)
    config.configure_scenario("s", sequences={id: ()})
    fields = [each.field for each in refused(lambda: config.export(file))]
    assert fields == ["id", "\ud800", "sequences"]


@pytest.mark.parametrize(
    "function",
    [lambda: 1, local(), wrapped(), functools.partial(double, 1), Math().third, 5],
    ids=["lambda", "local", "wrapped", "partial", "method", "int"],
)
def test_a_function_without_a_name_is_refused(
    config: Configuration, file: Path, function: Any
) -> None:
    config.configure_task("t", function)
    (problem,) = refused(lambda: config.export(file))
    assert (problem.section, problem.field) == ("TASK.t", "function")
    assert "top of a module" in problem.remedy


def test_everything_without_a_form_is_reported_at_once(
    config: Configuration, file: Path
) -> None:
    file.write_text("[JOB]\n")
    config.configure_data_node("a", default_data=b"", x=b"")
    config.configure_task("t", lambda: 1, b"")  # type: ignore[arg-type]  # that is what is tested
    config.configure_scenario("s", None, sequences=5)  # type: ignore[arg-type]  # that is what is tested
    config.configure_job_executions(x=b"")
    fields = [each.field for each in refused(lambda: config.export(file))]
    assert fields == ["x", "x", "function", "input", "sequences"]
    assert file.read_text() == "[JOB]\n"


def test_a_missing_folder_is_named(config: Configuration, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        config.export(tmp_path / "nowhere" / "config.toml")

    assert os.listdir(tmp_path) == []


def test_a_folder_in_the_way_is_named(config: Configuration, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=tmp_path.name):
        config.export(tmp_path)


def test_a_link_and_the_mode_of_its_file_stay(
    config: Configuration, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.toml"
    target.touch(0o640)
    file.symlink_to(target)
    config.export(file)
    assert file.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert "[JOB]" in target.read_text()


# --------------------------------------------------- how values are kept, and how long

HOUR = timedelta(hours=1)

KEPT = f"""\
[DATA_NODE.a]
validity_period = "1d2h3m4.5s"
keep_versions = 0

[DATA_NODE.b]
validity_period = "1h"

[DATA_NODE.c]
keep_versions = 5

[TASK.t]
function = "{HERE}:double"
inputs = ["a"]
outputs = ["b"]
on_restart = "fail"
"""


def test_how_values_are_kept(config: Configuration, file: Path) -> None:
    period = timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    first = config.configure_data_node("a", validity_period=period, keep_versions=0)
    second = config.configure_in_memory_data_node("b", validity_period=HOUR)
    config.configure_pickle_data_node("c", keep_versions=5)
    config.configure_task("t", double, first, second, on_restart="fail")
    config.export(file)

    text = file.read_text().replace('storage_type = "in_memory"\n', "")
    assert text.endswith(KEPT)
    again = loaded(file)
    assert same(config, again)
    assert again.data_nodes["a"].validity_period == period
    assert again.problems() == ()


def test_defaults_are_not_written(config: Configuration, file: Path) -> None:
    options: dict[str, Any] = {"validity_period": None, "keep_versions": 1}
    node = config.configure_data_node("a", **options)
    config.configure_task("t", double, node, on_restart="rerun")
    config.export(file)
    text = file.read_text()
    assert not [name for name in (*options, "on_restart") if name in text]


def test_a_period_elsewhere_is_refused(config: Configuration, file: Path) -> None:
    """It would come back as text."""
    config.configure_data_node("a", x=HOUR)
    config.configure_task("t", double, validity_period=HOUR)
    found = [
        (each.section, each.field) for each in refused(lambda: config.export(file))
    ]
    assert sorted(found) == [
        ("DATA_NODE.a", "x"),
        ("TASK.t", "validity_period"),
    ]


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'x'\n", "mode = ="], ids=["foreign", "broken"]
)
def test_a_file_that_is_not_ours_stays(
    config: Configuration, file: Path, text: str
) -> None:
    file.write_text(text)
    (problem,) = refused(lambda: config.export(file))
    assert problem.file == str(file)
    assert file.read_text() == text


# ------------------------------------------------------------------------- any content

OFFSETS = st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXTS.filter(lambda key: not names_secret(key))  # these are refused
SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | OFFSETS)
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.lists(values) | st.dictionaries(KEYS, values),
    max_leaves=8,
)
IDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]*", fullmatch=True).map("n_".__add__)
PROPERTIES = st.dictionaries(
    TEXTS.map("a property of mine: ".__add__), VALUES, max_size=3
)
NODES = st.dictionaries(IDS, st.tuples(VALUES, PROPERTIES), max_size=4)


def configuration(nodes: dict[str, tuple[Any, dict[str, Any]]]) -> Configuration:
    config = Configuration()
    for name, (value, properties) in nodes.items():
        config.configure_data_node(name, default_data=value, **properties)

    config.configure_task("t", all_of, config.data_nodes.values(), x=[*nodes])
    config.configure_scenario("s", config.tasks["t"], x=dict.fromkeys(nodes, "x"))
    return config


def dumped(config: Configuration, existing: str | None = None) -> str:
    return dump(config._registry, existing)


@pytest.mark.limit(180)  # a hundred files
@given(nodes=NODES)
def test_any_content_makes_the_round_trip(
    nodes: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = configuration(nodes)
    file = tmp_path_factory.getbasetemp() / "round_trip.toml"
    file.write_bytes(dumped(config).encode())
    again = loaded(file)
    assert same(config, again)
    assert again.problems() == ()


@pytest.mark.limit(180)  # a hundred files
@given(nodes=NODES, before=NODES)
def test_any_file_is_overwritten_rightly(
    nodes: Any, before: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = configuration(nodes)
    file = tmp_path_factory.getbasetemp() / "overwritten.toml"
    file.write_bytes(dumped(config, dumped(configuration(before))).encode())
    again = loaded(file)
    assert all(
        again.data_nodes[key].same_content(node)
        for key, node in config.data_nodes.items()
    )
    assert again.data_nodes.keys() == config.data_nodes.keys()


@pytest.mark.parametrize(
    ("value", "path", "what"),
    [
        ({"a": [1, None]}, "['a'][1]", "None"),
        ([[b"x"]], "[0][0]", "the bytes b'x'"),
        ({"a": {1: 2}}, "['a']", "the key 1"),
        ("\ud800", "", "the str '\\ud800'"),
    ],
)
def test_where_a_value_has_no_form(value: object, path: str, what: str) -> None:
    with pytest.raises(NoForm) as caught:
        plain(value)

    assert (caught.value.path, str(caught.value)) == (path, what)


def test_values_of_tomls_own_types_are_copied() -> None:
    value = {"a": [1, 2.5, True, "ü"], "b": {"c": datetime.date(2026, 1, 2)}}
    copy = plain(value)
    assert copy == value
    assert copy is not value
    assert copy["a"] is not value["a"]


def test_an_offset_of_whole_minutes_has_a_form() -> None:
    whole = datetime.timezone(timedelta(minutes=90))
    seconds = datetime.timezone(timedelta(seconds=90))
    assert plain(datetime.datetime(2026, 1, 2, tzinfo=whole)).tzinfo is whole
    assert plain(datetime.datetime(2026, 1, 2)).tzinfo is None  # noqa: DTZ001  # local times are TOML's too

    with pytest.raises(NoForm, match="the datetime"):
        plain(datetime.datetime(2026, 1, 2, tzinfo=seconds))
