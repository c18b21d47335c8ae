"""Configurations as TOML files: what is written, what is read, what is refused."""

from __future__ import annotations

import datetime
import functools
import math
import os
import sys
import textwrap
import threading
import types
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asyncflow.config import Configuration, Scope
from asyncflow.config.checks.data_nodes import from_text, to_text
from asyncflow.config.sections import Section
from asyncflow.config.toml.lines import line_at, lines_of
from asyncflow.config.toml.write import dump
from asyncflow.errors import ConfigError, Problem
from asyncflow.log import logger

HERE = __name__


def all_of(*values: object) -> object:
    return values


def double(nb: int) -> int:
    return nb * 2


def add(nb: int) -> int:
    return nb + 10


class Math:
    @staticmethod
    def half(nb: int) -> float:
        return nb / 2

    def third(self, nb: int) -> float:
        return nb / 3


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    # A module that is imported by its path alone has no name to import it by.
    module = types.ModuleType(HERE)
    vars(module).update(globals())
    monkeypatch.setitem(sys.modules, HERE, sys.modules.get(HERE, module))


def declare(config: Configuration) -> None:
    first = config.configure_data_node("my_input", default_data=21)
    middle = config.configure_data_node("intermediate")
    last = config.configure_in_memory_data_node("my_output", scope=Scope.GLOBAL)
    more = config.configure_pickle_data_node("more", Path("more.p"), note="größer")
    tasks = [
        config.configure_task("double", double, first, middle),
        config.configure_task("add", add, [middle], [last], True, executor="thread"),
    ]
    config.configure_scenario("my_scenario", tasks, more, sequences={"one": tasks[:1]})
    config.configure_job_executions("standalone", 2, echo=False, owner={"id": 1})


TEXT = f"""\
# What asyncflow runs; written by Config.export, read by Config.load.

[JOB]
mode = "standalone"
max_nb_of_workers = 2
echo = false
owner = {{id = 1}}

[DATA_NODE.my_input]
default_data = 21

[DATA_NODE.intermediate]

[DATA_NODE.my_output]
storage_type = "in_memory"
scope = "GLOBAL"

[DATA_NODE.more]
default_path = "more.p"
note = "größer"

[TASK.double]
function = "{HERE}:double"
inputs = ["my_input"]
outputs = ["intermediate"]

[TASK.add]
function = "{HERE}:add"
inputs = ["intermediate"]
outputs = ["my_output"]
skippable = true
executor = "thread"

[SCENARIO.my_scenario]
tasks = ["double", "add"]
additional_data_nodes = ["more"]

[SCENARIO.my_scenario.sequences]
one = ["double"]
"""


def same(one: Configuration, other: Configuration) -> bool:
    """Tell whether two configurations say the same."""
    sections = [
        [*each.data_nodes.values(), *each.tasks.values(), *each.scenarios.values()]
        for each in (one, other)
    ]
    alike: Callable[[Section, Section], bool] = Section.same_content
    return (
        len(sections[0]) == len(sections[1])
        and all(map(alike, *sections))
        and one.job_config.same_content(other.job_config)
    )


def loaded(file: Path, into: Configuration | None = None) -> Configuration:
    config = into or Configuration()
    config.load(file)
    return config


def refused(call: Callable[[], object]) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        call()

    return list(caught.value.problems)


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
    [b"x", (1, 2), [1, {"a": None}], np.arange(3), {1: 2}, 5j, timedelta(1), None],
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
    note = f"# default_data: set in code ({type(value).__qualname__})\n"
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


def test_a_file_changes_how_values_are_kept(config: Configuration, file: Path) -> None:
    node = config.configure_data_node("a", validity_period=HOUR, keep_versions=2)
    config.configure_task("t", double, node)
    write(
        file,
        """
        [DATA_NODE.a]
        keep_versions = 4
        [TASK.t]
        on_restart = "fail"
        """,
    )
    config.load(file)
    node = config.data_nodes["a"]
    assert (node.validity_period, node.keep_versions) == (HOUR, 4)
    assert config.tasks["t"].on_restart == "fail"

    # In the place of the old text, with its comment.
    file.write_text("[DATA_NODE.a]\nvalidity_period = '1d' # a day\n")
    config.export(file)
    assert 'validity_period = "1h" # a day\n' in file.read_text()
    assert same(loaded(file), config)


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
    ("text", "period"),
    [
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("1d2h3m4s:timedelta", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("1d0h0m0s:timedelta", timedelta(days=1)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("2d", timedelta(days=2)),
        ("0.25s", timedelta(seconds=0.25)),
        ("1m0.000001s", timedelta(minutes=1, microseconds=1)),
        ("3600s:timedelta", HOUR),
        ("0d00h01m", timedelta(minutes=1)),
        ("0s", timedelta()),
    ],
)
def test_periods(text: str, period: timedelta) -> None:
    assert from_text(text) == period


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "d",
        ":timedelta",
        "-1d",
        "1 d",
        "1d ",
        " 1d",
        "1d\n",
        "1D",
        "1s1m",
        "1d1d",
        "1.5d",
        ".5s",
        "1.s",
        "0.0000001s",
        "1e3s",
        "1w",
        "1d:",
        "1d:int",
        "1d:timedelta:timedelta",
        "1000000000d",
        "9" * 18 + "h",
        pytest.param("9" * 5000 + "s", id="more digits than int takes"),
        "\N{ARABIC-INDIC DIGIT ONE}d",
    ],
)
def test_what_is_no_period(text: str) -> None:
    assert from_text(text) is None


PERIODS = st.timedeltas(min_value=timedelta.resolution)


@given(PERIODS)
@example(timedelta.max)
@example(timedelta.resolution)
def test_any_period_makes_the_round_trip(period: timedelta) -> None:
    text = to_text(period)
    assert from_text(text) == period
    assert from_text(f"{text}:timedelta") == period


@given(st.text("0123456789.dhms:-timedl ", max_size=30) | st.text())
def test_any_text_is_a_period_or_not(text: str) -> None:
    period = from_text(text)
    assert period is None or from_text(to_text(period)) == period


# ------------------------------------------------------------- over a file that exists

EDITED = f"""\
# ours
[JOB]
mode = "standalone" # two of them
max_nb_of_workers = 3 # too many
old = 1

# the start
[DATA_NODE.my_input]
default_data = 21

[DATA_NODE.gone] # and this goes
default_data = 1

[TASK.double]
function = "{HERE}:double"
inputs = [
    "my_input", # from the file
]
outputs = ["intermediate"]
"""


def test_comments_stay(config: Configuration, file: Path) -> None:
    file.write_text(EDITED)
    declare(config)
    config.export(file)
    text = file.read_text(encoding="utf-8")
    for comment in ("ours", "two of them", "too many", "the start", "from the file"):
        assert f"# {comment}\n" in text

    assert "owner = {id = 1}\n\n# the start\n[DATA_NODE.my_input]\n" in text
    assert "\n\n\n" not in text
    assert text.count("\n\n") == len(TEXT.split("\n\n")) - 2

    assert "gone" not in text
    assert "old" not in text
    assert "max_nb_of_workers = 2" in text
    assert same(loaded(file), config)


def test_exporting_again_changes_nothing(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(file)
    config.export(file)
    assert file.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\r\n",
        "JOB.mode = 'x'\nDATA_NODE = {a = {x = 1}}\n",
        "[DATA_NODE.a]\n[TASK.double]\n[DATA_NODE.my_input]\nx.y = 1\n[TASK]\nz = 1\n",
        "[[JOB]]\nmode = 'x'\n[[JOB]]\n",
        "[DATA_NODE.my_input.default_data]\nx = 1\n[JOB.owner]\nid = 2\n",
        "[SCENARIO.my_scenario]\nsequences = {one = ['add']}\n",
    ],
    ids=["empty", "comment", "inline", "mixed", "arrays", "tables", "sequences"],
)
def test_any_layout_is_overwritten_rightly(
    config: Configuration, file: Path, text: str
) -> None:
    file.write_text(text)
    declare(config)
    config.export(file)
    again = loaded(file)
    # The order of sections is the file's.
    assert again.data_nodes.keys() == config.data_nodes.keys()
    assert all(
        again.data_nodes[key].same_content(node)
        for key, node in config.data_nodes.items()
    )
    assert again.scenarios["my_scenario"].same_content(config.scenarios["my_scenario"])
    assert again.job_config.same_content(config.job_config)


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


# ------------------------------------------------------------------------------- load


def write(file: Path, text: str) -> None:
    file.write_text(textwrap.dedent(text).replace("HERE", HERE), encoding="utf-8")


def test_a_file_changes_what_it_names(config: Configuration, file: Path) -> None:
    declare(config)
    before = config.revision
    stale = config.scenarios["my_scenario"]
    write(
        file,
        """
        [JOB]
        max_nb_of_workers = 4

        [DATA_NODE.my_input]
        default_data = 22
        unit = "kg"

        [DATA_NODE.new]
        scope = "CYCLE"

        [TASK.add]
        outputs = ["new"]
        """,
    )
    config.load(file)

    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers, jobs.echo) == ("standalone", 4, False)
    node = config.data_nodes["my_input"]
    assert (node.default_data, node.properties) == (22, {"unit": "kg"})
    task = config.tasks["add"]
    assert task.output == (config.data_nodes["new"],)
    assert (task.function, task.skippable, task.executor) == (add, True, "thread")
    assert config.data_nodes["new"].scope is Scope.CYCLE

    # Whatever refers to a section refers to it as it is now.
    assert config.tasks["double"].input == (node,)
    scenario = config.scenario(stale)
    assert scenario.task_configs == (config.tasks["double"], task)
    assert scenario.sequences == {"one": (config.tasks["double"],)}
    assert config.problems() == ()
    assert config.revision > before


def test_a_byte_order_mark_is_passed_over(config: Configuration, file: Path) -> None:
    file.write_text("[JOB]\nmode = 'standalone'", encoding="utf-8-sig")
    assert loaded(file, config).job_config.mode == "standalone"


Found = tuple[int, str, str, str]
"""Line, section, field, and a piece of the message or remedy."""

BAD: dict[str, tuple[str, list[Found]]] = {
    "syntax": ("\n[JOB\n", [(2, "TOML", "", "not TOML")]),
    "syntax_at_end": ("[JOB]\nx = '''\n", [(3, "TOML", "", "not TOML")]),
    "key_twice": ("[JOB]\nx = 1\nx = 2\n", [(3, "TOML", "", "mend that line")]),
    "table": ("[JOBS]\nx = 1\n", [(1, "JOBS", "", "did you mean 'JOB'?")]),
    "key_at_top": ("x = 1\n", [(1, "x", "", "choose one of 'JOB'")]),
    "job": ("JOB = 1\n", [(1, "JOB", "", "1 is not a table")]),
    "kind": ("TASK = []\n", [(1, "TASK", "", "[] is not a table")]),
    "section": ("[TASK]\nt = 1\n", [(2, "TASK.t", "", "1 is not a table")]),
    "job_values": (
        "[JOB]\nmode = 1\nmax_nb_of_workers = '2'\necho = 1\nresources = 2\n",
        [
            (2, "JOB", "mode", "1 is not known"),
            (3, "JOB", "max_nb_of_workers", "'2' is not an int"),
            (4, "JOB", "echo", "1 is not a bool"),
            (5, "JOB", "resources", "2 does not map names to amounts"),
        ],
    ),
    "node_values": (
        "[DATA_NODE.n]\nstorage_type = 'csw'\nscope = ['x']\ndefault_path = 1\n",
        [
            (2, "DATA_NODE.n", "storage_type", "'csw' is not known"),
            (3, "DATA_NODE.n", "scope", "['x'] is not a Scope"),
            (4, "DATA_NODE.n", "default_path", "1 is not a path"),
            (4, "DATA_NODE.n", "default_path", "has no file"),
        ],
    ),
    "node_scope": (
        "[DATA_NODE.n]\nscope = 'global'\n",
        [(2, "DATA_NODE.n", "scope", "'global' is not a Scope")],
    ),
    "period": (
        (
            "[DATA_NODE.n]\nvalidity_period = '1 day'\n"
            "[DATA_NODE.m]\n\nvalidity_period = 60\n"
            "[DATA_NODE.o]\nvalidity_period = '0s'\n"
            "[DATA_NODE.p]\nvalidity_period = '-1d'\n"
            "[DATA_NODE.q]\nvalidity_period = '999999999999d'\n"
        ),
        [
            (2, "DATA_NODE.n", "validity_period", "'1 day' is not a period"),
            (5, "DATA_NODE.m", "validity_period", "60 is not a period"),
            (7, "DATA_NODE.o", "validity_period", "(0) is not more than nothing"),
            (9, "DATA_NODE.p", "validity_period", "(in TOML: '1d2h3m4s')"),
            (11, "DATA_NODE.q", "validity_period", "'999999999999d' is not a period"),
        ],
    ),
    "versions": (
        (
            "[DATA_NODE.n]\nkeep_versions = -1\n"
            "[DATA_NODE.m]\n\nkeep_versions = '2'\n"
            "[DATA_NODE.o]\nkeep_versions = true\n"
            "[DATA_NODE.p]\ndefault_path = 'p.p'\nkeep_versions = 3\n"
        ),
        [
            (2, "DATA_NODE.n", "keep_versions", "-1 is not an int from 0"),
            (5, "DATA_NODE.m", "keep_versions", "'2' is not an int"),
            (7, "DATA_NODE.o", "keep_versions", "True is not an int"),
            (10, "DATA_NODE.p", "keep_versions", "a file of your own has one"),
        ],
    ),
    "on_restart": (
        (
            "[TASK.t]\nfunction = 'math:sqrt'\non_restart = 'rerum'\n"
            "[TASK.u]\nfunction = 'math:sqrt'\non_restart = 1\n"
        ),
        [
            (3, "TASK.t", "on_restart", "did you mean 'rerun'?"),
            (6, "TASK.u", "on_restart", "1 is not known"),
        ],
    ),
    "id": ("[DATA_NODE.'a b']\n", [(1, "DATA_NODE.a b", "id", "identifier")]),
    "task_values": (
        (
            "[TASK.t]\nfunction = 1\ninputs = 'a'\noutputs = [1, 'b']\nskippable = 1\n"
            "executor = 'x'\nretry = 'x'\ninput = []\n"
        ),
        [
            (2, "TASK.t", "function", "write it as 'module:function'"),
            (3, "TASK.t", "inputs", 'write it as ["a"]'),
            (4, "TASK.t", "outputs", "1 is the id of nothing"),
            (4, "TASK.t", "outputs", "'b' is the id of nothing"),
            (5, "TASK.t", "skippable", "1 is not a bool"),
            (6, "TASK.t", "executor", "'x' is not known"),
            (7, "TASK.t", "retry", "'x' is not a Retry"),
            (8, "TASK.t", "input", "call it inputs"),
        ],
    ),
    "no_function": ("[TASK.t]\n", [(1, "TASK.t", "function", "has no function")]),
    "scenario_values": (
        (
            "[SCENARIO.s]\ntasks = 1\nadditional_data_nodes = ['x']\nfrequency = 1\n"
            "[SCENARIO.s.sequences]\none = ['t']\ntwo = 1\n"
        ),
        [
            (2, "SCENARIO.s", "tasks", "1 is not a list of ids"),
            (3, "SCENARIO.s", "additional_data_nodes", "'x' is the id of nothing"),
            (4, "SCENARIO.s", "frequency", "not available"),
            (6, "SCENARIO.s", "sequences.one", "'t' is the id of nothing"),
            (7, "SCENARIO.s", "sequences.two", "1 is not a list of ids"),
        ],
    ),
    "sequences": (
        "[SCENARIO.s]\nsequences = 1\n",
        [(2, "SCENARIO.s", "sequences", "1 is not a table")],
    ),
    "graph": (
        (
            "[DATA_NODE.a]\n[TASK.t]\nfunction = 'math:sqrt'\ninputs = ['a']\n"
            "outputs = ['a']\n[SCENARIO.s]\n\ntasks = ['t', 't']\n"
        ),
        [
            (5, "TASK.t", "outputs", "reads the data node 'a' that it writes"),
            (8, "SCENARIO.s", "tasks", "'t' is there 2 times"),
        ],
    ),
    "several_tables": (
        "[JOB]\nmode = 'x'\n[JOBS]\n[TASK.t]\nfunction = 'math:sqr'\n",
        [
            (2, "JOB", "mode", "'x' is not known"),
            (3, "JOBS", "", "not known"),
            (5, "TASK.t", "function", "'math' has no 'sqr'"),
        ],
    ),
}

for _name, _why in {
    "math": "form 'module:function'",
    ":sqrt": "form 'module:function'",
    "no_such_module:f": "ModuleNotFoundError: No module named 'no_such_module'",
    ".x:f": "cannot be imported",
    "math:sqrt.x": "has no 'sqrt.x'",
    "__main__:no_such_function": "'__main__' has no 'no_such_function'",
    "x:f.<locals>.g": "made while its module runs",
    "math:pi": "cannot be called",
}.items():
    BAD[f"function {_name}"] = (
        f"[TASK.t]\n\nfunction = '{_name}'\n",
        [(3, "TASK.t", "function", _why)],
    )


@pytest.mark.parametrize(("text", "rows"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_refused_as_a_whole(
    config: Configuration, file: Path, text: str, rows: list[Found]
) -> None:
    file.write_text(text + "[DATA_NODE.fine]\n" * (rows[0][1] != "TOML"))
    revision = config.revision
    problems = refused(lambda: config.load(file))

    found = [(each.line, each.section, each.field) for each in problems]
    assert found == [row[:3] for row in rows]
    for problem, (*_, piece) in zip(problems, rows, strict=True):
        assert piece in str(problem)
        assert str(problem).startswith(f"{file}:{problem.line}: ")

    assert (config.revision, config.data_nodes) == (revision, {})
    assert same(config, Configuration())


def test_a_module_that_fails_is_told(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "failing_module.py").write_text("raise KeyError('x')")
    monkeypatch.syspath_prepend(file.parent)
    write(file, "[TASK.t]\nfunction = 'failing_module:f'")
    (problem,) = refused(lambda: config.load(file))
    assert "(KeyError: 'x')" in problem.message


def test_what_is_wrong_in_code_is_not_the_files(
    config: Configuration, file: Path
) -> None:
    declare(config)
    config.configure_data_node("bad", "pickel")
    write(file, "[DATA_NODE.bad]\nscope = 'GLOBAL'")
    config.load(file)
    assert [each.file for each in config.problems()] == [None]


def test_a_missing_file_is_told(config: Configuration, file: Path) -> None:
    (problem,) = refused(lambda: config.load(file))
    assert problem.message == "there is no such file"
    assert problem.file == str(file)


def test_a_folder_is_told(config: Configuration, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=tmp_path.name):
        config.load(tmp_path)


def test_bytes_that_are_no_text_are_told(config: Configuration, file: Path) -> None:
    file.write_bytes(b"[JOB]\nx = '\xff'\n")
    (problem,) = refused(lambda: config.load(file))
    assert (problem.line, problem.message) == (2, "the file is not UTF-8")


def test_lines() -> None:
    lines = lines_of(
        'a.b = 1\n[ "c.d" . e ]\n# f = 1\n  f = 1\n[[g]]\n"h\\n"."i" = 2\n'
    )
    assert lines == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c.d",): 2,
        ("c.d", "e"): 2,
        ("c.d", "e", "f"): 4,
        ("g",): 5,
        ("g", "h\n"): 6,
        ("g", "h\n", "i"): 6,
    }
    assert line_at(lines, ("c.d", "e", "x", "y")) == 2
    assert line_at(lines, ("x",)) is None


# ------------------------------------------------------------------------- any content

OFFSETS = st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
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
    lambda values: st.lists(values) | st.dictionaries(TEXTS, values),
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
