"""Many scenarios, brought back together: so many at a time with the same few queries."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress

from asyncflow.entities.cycle import Cycle
from asyncflow.entities.scenario import Scenario, take_record
from asyncflow.errors import NotFound
from asyncflow.records import ScenarioRecord
from asyncflow.recovery.loader import EntityLoader

TOGETHER = 200
"""How many scenarios are brought back with one query of each kind."""


async def scenarios(
    loader: EntityLoader, records: Iterable[ScenarioRecord]
) -> list[Scenario]:
    """Return scenarios of which the records were just read, those that are still there."""
    wanted = sorted(records)  # by their ids: others lock them in the same order
    found: list[Scenario] = []

    for begin in range(0, len(wanted), TOGETHER):
        found += await _some(loader, wanted[begin : begin + TOGETHER])

    return found


async def _some(
    loader: EntityLoader, records: Iterable[ScenarioRecord]
) -> list[Scenario]:
    found: list[Scenario] = []
    alone: list[str] = []

    async with AsyncExitStack() as stack:
        made: list[Scenario] = []
        cycles: dict[str, Cycle] = {}

        for record in records:
            await stack.enter_async_context(loader.lock(record.id))
            known = loader.identity_map.find(record.id)

            if isinstance(known, Scenario) and not loader.is_outdated(known):
                take_record(known, record)
                (made if loader.versions.is_shared else found).append(known)
            elif loader.migrated or record.config_id not in loader.config.scenarios:
                alone.append(record.id)
            else:
                made.append(await _made(loader, record, cycles))

        try:
            await loader.fill(*made)
        except NotFound:  # one was just deleted
            alone += [scenario.id for scenario in made]
        else:
            found += made

    for scenario_id in alone:
        with suppress(NotFound):
            entity = await loader.get(scenario_id)
            assert isinstance(entity, Scenario)
            found.append(entity)

    return found


async def _made(
    loader: EntityLoader, record: ScenarioRecord, cycles: dict[str, Cycle]
) -> Scenario:
    """Make the object of a scenario that is declared.

    :param cycles: those that were looked up, by their ids
    """
    config = loader.config.settled(loader.config.scenarios[record.config_id])
    await loader.identity_map.prepare(config)
    cycle_id = record.cycle_id

    if cycle_id is not None and cycle_id not in cycles:
        cycles[cycle_id] = await loader.cycle(cycle_id)

    cycle = None if cycle_id is None else cycles[cycle_id]
    return loader.identity_map.make_scenario(config, record, cycle)
