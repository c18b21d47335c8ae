"""Deletion of all that one version of an application has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import CancelScope

from asyncflow.runtime.deletion import Deletion

if TYPE_CHECKING:
    from asyncflow.records import SubmissionRecord
    from asyncflow.runtime.engine import Engine


async def clean(engine: Engine, version: str) -> bool:
    """Delete a version; see `Orchestrator.clean_all_entities`."""
    _check(version)
    store, deletion = engine.store, Deletion(engine.store, engine.recovery)

    before: list[SubmissionRecord] | None = None

    while True:
        records = await store.scenarios(versions=[version])
        known = any(label.name == version for label in await store.labels())

        if not records and not known:
            return False

        lost: list[SubmissionRecord] = []

        for record in records:
            deletion.check_runs(engine.scheduler.runs.all(), record.id)
            lost += await deletion.check(record.id)

        scenario_ids = [record.id for record in records]
        parts = [
            part
            for scenario_id in scenario_ids
            for part in await deletion.parts(scenario_id)
        ]

        with CancelScope(shield=True):
            names = await store.clean(version, scenario_ids, lost)

            if names is None and lost == before:  # a run that cannot be loaded
                for scenario_id in scenario_ids:
                    await engine.delete(scenario_id)

            if names is None:  # somebody has submitted one meanwhile
                before = lost
                continue

            cycles = {record.cycle_id for record in records} - {None}
            gone = [
                cycle_id
                for cycle_id in cycles
                if cycle_id and await store.get(cycle_id) is None
            ]

            for entity_id in (*scenario_ids, *gone):
                engine.identity_map.forget(entity_id)

            engine.results.forget()
            await engine.versions.files.remove_all(names)

        if engine.bus.hears_entities:
            from asyncflow.notify import entities

            engine.bus.tell(entities.deleted(*parts, *scenario_ids, *gone))

        return True


def _check(version: object) -> None:
    if not isinstance(version, str) or not version:
        raise TypeError(f"version_number is a text that is not empty; got {version!r}")
