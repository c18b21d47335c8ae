"""Plain tables as a TOML text: a new one, or an edit that keeps comments."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from asyncflow.config import Configuration
from asyncflow.config.toml.text import HEADER, SET_IN_CODE, Notes, edited, fresh
from tests.support.toml_files import (
    HERE,
    TEXT,
    declare,
    loaded,
    same,
)

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


def test_exporting_again_changes_nothing(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(file)
    config.export(file)
    assert file.read_text(encoding="utf-8") == TEXT


TABLES: dict[str, Any] = {
    "JOB": {"mode": "standalone", "resources": {"gpu": 1}},
    "DATA_NODE": {"a": {}, "b c": {"x.y": [1, {"z": "ü"}]}},
    "SCENARIO": {"s": {"tasks": [], "sequences": {"one": []}}},
}


def test_a_fresh_text_has_a_table_for_each_section() -> None:
    notes: Notes = {("DATA_NODE", "a"): f"{SET_IN_CODE}(set)"}
    text = fresh(TABLES, notes)
    assert text == HEADER + (
        '\n[JOB]\nmode = "standalone"\nresources = {gpu = 1}\n'
        "\n[DATA_NODE.a]\n# default_data: set in code (set)\n"
        '\n[DATA_NODE."b c"]\n"x.y" = [1, {z = "ü"}]\n'
        "\n[SCENARIO.s]\ntasks = []\n"
        "\n[SCENARIO.s.sequences]\none = []\n"
    )
    assert tomllib.loads(text) == TABLES


def test_an_edit_says_what_the_tables_say() -> None:
    before = "# ours\n[JOB]\nmode = 'x' # two\n\n# three\n[DATA_NODE.gone]\n"
    text = edited(before, TABLES, {})
    assert text is not None
    assert tomllib.loads(text) == TABLES
    assert text.startswith('# ours\n[JOB]\nmode = "standalone" # two\n')
    assert "gone" not in text


def test_a_note_is_replaced_and_goes() -> None:
    tables = {"DATA_NODE": {"a": {"keep_versions": 2}}}
    once = fresh(tables, {("DATA_NODE", "a"): f"{SET_IN_CODE}(set)"})
    again = edited(once, tables, {("DATA_NODE", "a"): f"{SET_IN_CODE}(tuple)"})
    assert again is not None
    assert again.count("# default_data: set in code (tuple)") == 1
    assert "(set)" not in again

    without = edited(again, tables, {})
    assert without is not None
    assert "set in code" not in without


def test_an_edit_that_would_say_something_else_is_none() -> None:
    assert edited("[JOB\n", TABLES, {}) is None
    assert edited("[JOB]\n", {"JOB": {"x": object()}}, {}) is None
