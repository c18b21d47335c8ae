"""Errors keep an orchestrator from opening; of other problems a warning tells."""

from __future__ import annotations

import pytest

from asyncflow import (
    ConfigError,
    Configuration,
    DataNodeReadingError,
    Orchestrator,
    Problem,
)
from asyncflow.config.checks.sections import refuse


def problem(level: str, message: str = "it is wrong") -> Problem:
    return Problem(
        section="TASK.t", field="f", message=message, remedy="mend it", level=level
    )


def test_one_error_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse([problem("WARNING"), problem("ERROR")])

    assert [one.level for one in caught.value.problems] == ["WARNING", "ERROR"]
    assert caplog.messages == []


def test_what_is_none_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        refuse([problem("WARNING", "it is told once")])

    assert caplog.messages == ["[TASK.t.f] it is told once; mend it"]


@pytest.mark.anyio
async def test_a_server_may_be_declared_that_nothing_here_reaches(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = Configuration()
    table = config.configure_sql_table_data_node(
        "table", db_name="d", db_engine="mssql", table_name="t", db_username="u"
    )
    flow = config.configure_scenario("flow", [], [table])

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(flow)

        with pytest.raises(DataNodeReadingError, match="pip install pyodbc"):
            await scenario.table.read()

    assert "needs pyodbc; pip install pyodbc" in caplog.text
