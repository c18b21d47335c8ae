"""Lists of handles and records as tables."""

from __future__ import annotations

from asyncflow import Config, Configuration
from asyncflow.entities.tables import register, table
from asyncflow.records import ScenarioRecord

RECORD = ScenarioRecord("SCENARIO_<b>_1", "flow", None, 0.0, {}, ("b", "a"))


def test_a_list_of_records_has_a_row_for_each_and_no_empty_columns() -> None:
    found = table([RECORD, RECORD]) or ""
    assert found.count("<tr>") == 3
    assert "<td>SCENARIO_&lt;b&gt;_1</td>" in found
    assert "<td>a, b</td>" in found
    assert "<th>name</th>" not in found


def test_a_list_of_sections_is_one_too() -> None:
    config = Configuration()
    node = config.configure_data_node("sales")
    assert "<td>sales</td><td>pickle</td>" in (table((node,)) or "")


def test_long_lists_are_cut_and_say_so() -> None:
    found = table([RECORD] * 1_000) or ""
    assert found.count("<tr>") == 101
    assert "and 900 more" in found


def test_other_lists_stay_what_they_are() -> None:
    assert table([]) is None
    assert table([1, 2]) is None
    assert table([RECORD, 2]) is None
    assert table([Config]) is None
    assert table(RECORD) is None  # a record is a tuple


def test_without_a_notebook_nothing_is_registered() -> None:
    register()
