"""Options of data nodes that have no effect are told of once, as an orchestrator opens."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.config.checks.unused_options import notes


def lines_of(kind: str, **options: Any) -> list[str]:
    config = Configuration()
    config.configure_data_node("own", kind, **options)
    return [*notes(config.data_nodes.values())]


@pytest.mark.parametrize("exposed", ["str", "bytes"])
def test_options_for_tables_of_a_text(exposed: str) -> None:
    given = {"read_options": {"sep": ";"}, "write_options": {"sep": ";"}}
    found = lines_of("csv", exposed_type=exposed, **given)
    assert len(found) == 2
    assert all("exposed_type is the text itself" in line for line in found)
    assert not lines_of("csv", **given)


def test_arguments_without_a_function() -> None:
    (line,) = lines_of("generic", read_fct=print, write_fct_args=[1])
    assert "write_fct_args are for write_fct, and there is none" in line
    (line,) = lines_of("generic", write_fct=print, read_fct_args=[1])
    assert "read_fct_args are for read_fct, and there is none" in line
    assert not lines_of("generic", read_fct=print, read_fct_args=[1])


def test_wrong_options_are_left_to_the_checks() -> None:
    assert not lines_of(
        "csv", encoding="nonsense", exposed_type="str", read_options={"a": 1}
    )


@pytest.mark.anyio
async def test_it_is_told_once(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    config.configure_job_executions(mode="development")
    given: dict[str, Any] = {"read_options": {"sep": ";"}}
    node = config.configure_csv_data_node("own", exposed_type="str", **given)
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, ":memory:") as orchestrator:
        for _ in range(2):
            await orchestrator.create_scenario("flow")

    (told,) = [line for line in caplog.messages if "read_options" in line]
    assert told == (
        "DATA_NODE.own: read_options are for tables, and exposed_type is the text itself: "
        "leave it out"
    )
