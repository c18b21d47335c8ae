"""The blocking cycle, and who is primary in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, DeletingPrimaryScenario, Frequency
from tests.support.sync import orchestrator as orchestrator

pytestmark = pytest.mark.usefixtures("orchestrator")

MAY = datetime(2026, 5, 5, tzinfo=UTC)


def test_scenarios_share_a_cycle(config: Configuration) -> None:
    cfg = config.configure_scenario("s", frequency=Frequency.MONTHLY)
    one, other = tp.create_scenario(cfg, MAY), tp.create_scenario(cfg, MAY)
    cycle = one.cycle
    assert isinstance(cycle, tp.Cycle)
    assert cycle == other.cycle
    assert (cycle.name, cycle.frequency) == ("2026-05", "MONTHLY")
    assert cycle.start_date == datetime(2026, 5, 1, tzinfo=UTC)
    assert cycle.end_date == datetime(2026, 6, 1, tzinfo=UTC)
    assert cycle.creation_date.tzinfo is UTC
    assert MAY in cycle
    assert tp.get_cycles() == [cycle]
    assert tp.get(cycle.id) == cycle
    assert (one.is_primary, other.is_primary) == (True, False)
    assert tp.is_promotable(other)
    tp.set_primary(other)
    assert cycle.primary_id == other.id
    assert tp.get_primary(cycle) == other
    one.set_primary()
    assert tp.get_primary(cycle) == one
    assert "with another" in tp.is_deletable(one).reasons

    with pytest.raises(DeletingPrimaryScenario):
        tp.delete(one.id)

    tp.delete(cycle.id)
    assert tp.get_cycles() == []
    assert not tp.is_deletable(one.id)


def test_a_scenario_without_a_cycle(config: Configuration) -> None:
    scenario = tp.create_scenario(config.configure_scenario("s"))
    assert scenario.cycle is None
    assert not scenario.is_primary
    assert tp.is_promotable(scenario.id).reasons == f"{scenario.id} belongs to no cycle"
