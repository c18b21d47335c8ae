"""What a notebook shows of a configuration."""

from __future__ import annotations

from asyncflow import Configuration, Frequency


def double(number: int) -> int:
    return number * 2


def test_what_is_declared_is_shown_as_tables() -> None:
    config = Configuration()
    a = config.configure_data_node("a")
    b = config.configure_csv_data_node("b", default_path="s3://me:hidden@host/<b>.csv")
    task = config.configure_task("double", double, a, b)
    flow = config.configure_scenario("flow", task, frequency=Frequency.DAILY)
    page = config._repr_html_()
    assert "<td>double</td><td>double</td><td>a</td><td>b</td>" in page
    assert "<td>flow</td><td>double</td>" in page
    assert "&lt;b&gt;.csv" in page
    assert "hidden" not in page
    assert repr(config) == "<Configuration: 1 scenario, 1 task, 2 data nodes>"
    assert flow._repr_svg_() == flow.dag().svg()


def test_nothing_declared_is_no_table() -> None:
    assert "<table>" not in Configuration()._repr_html_()
