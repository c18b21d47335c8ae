"""Scenario management by several at a time: random verbs on one store, and what has to
hold afterwards, whoever was faster.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import attrs
import psycopg

from asyncflow import (
    Configuration,
    DeletingPrimaryScenario,
    Frequency,
    NotFound,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
)
from asyncflow.records import ScenarioRecord

Ask = Callable[[str], Sequence[Sequence[Any]]]

LARGE = 80_000
"""The bytes of a value that has a file of its own."""

DAYS = 3
MOST = 12
"""From how many scenarios on more are deleted than made."""

ORPHANS = {
    "data nodes": "SELECT id FROM data_node WHERE owner_id IS NOT NULL "
    "AND owner_id NOT IN (SELECT id FROM scenario UNION SELECT id FROM cycle)",
    "versions": "SELECT node_id FROM version "
    "WHERE node_id NOT IN (SELECT id FROM data_node)",
    "tags": "SELECT name FROM tag WHERE seq NOT IN (SELECT seq FROM scenario)",
    "properties": "SELECT name FROM property WHERE seq NOT IN (SELECT seq FROM scenario)",
    "bases": "SELECT task_id FROM basis WHERE scenario_id <> '' "
    "AND scenario_id NOT IN (SELECT id FROM scenario UNION SELECT id FROM cycle)",
    "scenarios of no cycle": "SELECT id FROM scenario "
    "WHERE cycle_id IS NULL OR cycle_id NOT IN (SELECT id FROM cycle)",
    "empty cycles": "SELECT id FROM cycle "
    "WHERE id NOT IN (SELECT cycle_id FROM scenario WHERE cycle_id IS NOT NULL)",
    "cycles without a primary one of theirs": "SELECT id FROM cycle WHERE NOT EXISTS "
    "(SELECT 1 FROM scenario WHERE scenario.id = primary_id AND cycle_id = cycle.id)",
}
"""Queries that find nothing where all is well."""


def declared() -> tuple[Configuration, ScenarioConfig]:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    nodes = [
        config.configure_data_node("large", default_data=b"0" * LARGE),
        config.configure_data_node("small", default_data=0, keep_versions=2),
        config.configure_data_node(
            "daily", scope=Scope.CYCLE, default_data=b"1" * LARGE
        ),
        config.configure_data_node("all", scope=Scope.GLOBAL, default_data=1),
    ]
    cfg = config.configure_scenario(
        "flow", additional_data_node_configs=nodes, frequency=Frequency.DAILY
    )
    return config, cfg


@attrs.define
class Worker:
    """Does one random verb after the other.

    :param who: tells it from others; a letter
    :param folder: where its archives are
    """

    orchestrator: Orchestrator
    cfg: ScenarioConfig
    who: str
    folder: Path
    random: Random
    done: Counter[str] = attrs.field(init=False, factory=Counter)
    updates: dict[str, set[str]] = attrs.field(init=False, factory=dict)
    """By the ids of scenarios, the properties and tags that it has given them, and has
    not taken away."""
    _steps: int = attrs.field(init=False, default=0)

    async def work(self, count: int) -> None:
        """Do so many verbs. What another has deleted meanwhile is no fault."""
        for _ in range(count):
            self._steps += 1
            records = await self.orchestrator.scenarios()
            verbs: list[Callable[[ScenarioRecord], Any]] = [
                *(self.promote, self.tag, self.untag, self.update, self.update),
                *(self.write, self.duplicate, self.export, self.delete),
            ]

            if not records or (len(records) < MOST and self.random.random() < 0.3):
                await self.create()
                continue

            if len(records) > 2 * MOST:
                verbs = [self.delete]

            verb = self.random.choice(verbs)

            with suppress(NotFound, DeletingPrimaryScenario):
                await verb(self.random.choice(records))
                self.done[verb.__name__] += 1

    async def create(self) -> None:
        date = datetime(2026, 5, 1, 12, tzinfo=UTC)
        date += timedelta(days=self.random.randrange(DAYS))
        name = f"{self.random.randrange(9)}"
        await self.orchestrator.create_scenario(
            self.cfg, date, name, exist_ok=self.random.random() < 0.3
        )
        self.done["create"] += 1

    async def promote(self, record: ScenarioRecord) -> None:
        await (await self._get(record)).set_primary()

    async def tag(self, record: ScenarioRecord) -> None:
        tag = f"tag {self.who}{self._steps % 5}"
        await (await self._get(record)).add_tag(tag)
        self.updates.setdefault(record.id, set()).add(tag)

    async def untag(self, record: ScenarioRecord) -> None:
        tag = f"tag {self.who}{self._steps % 5}"
        await (await self._get(record)).remove_tag(tag)
        self.updates.setdefault(record.id, set()).discard(tag)

    async def update(self, record: ScenarioRecord) -> None:
        key = f"{self.who}{self._steps}"
        scenario = await self._get(record)
        await scenario.update(name=key, properties={key: self._steps})
        self.updates.setdefault(record.id, set()).add(key)

    async def write(self, record: ScenarioRecord) -> None:
        scenario = await self._get(record)
        digit = str(self._steps % 10).encode()
        await scenario.large.write(digit * LARGE)
        await scenario.small.write(self._steps)
        await scenario.daily.write(digit * LARGE)

    async def duplicate(self, record: ScenarioRecord) -> None:
        scenario = await self._get(record)
        copy = await scenario.duplicate(scenario.creation_date)
        value = await copy.large.read()
        assert len({*value}) == 1, "a torn value"
        assert len(value) == LARGE, "a torn value"

    async def export(self, record: ScenarioRecord) -> None:
        scenario = await self._get(record)
        archive = self.folder / f"{self.who}.zip"
        await scenario.export(archive, overwrite=True)
        await self.orchestrator.import_scenario(archive)

    async def delete(self, record: ScenarioRecord) -> None:
        await self.orchestrator.delete(record.id)

    async def _get(self, record: ScenarioRecord) -> Scenario:
        return await self.orchestrator.get_scenario(record.id)


async def lost(
    orchestrator: Orchestrator, updates: Iterable[tuple[str, set[str]]]
) -> list[str]:
    """Return what was given to scenarios, and is not there, though they are."""
    records = {one.id: one for one in await orchestrator.scenarios()}
    return [
        f"{scenario_id}: {key}"
        for scenario_id, keys in updates
        if (record := records.get(scenario_id)) is not None
        for key in keys - {*record.properties, *record.tags}
    ]


async def unreadable(orchestrator: Orchestrator) -> list[str]:
    """Return the scenarios whose values cannot be read, or are torn."""
    found = []

    for record in await orchestrator.scenarios():
        scenario = await orchestrator.get_scenario(record.id)
        large, daily = await scenario.read("large", "daily")

        if any(len(value) != LARGE or len({*value}) != 1 for value in (large, daily)):
            found.append(record.id)

    return found


def faults(ask: Ask, values_folder: str) -> list[str]:
    """Return which rows and files belong to nothing, of a store that is closed."""
    found = [f"{what}: {ask(query)}" for what, query in ORPHANS.items() if ask(query)]
    kept = {str(path) for (path,) in ask("SELECT path FROM version") if path}
    files = {name for name in os.listdir(values_folder) if not name.startswith(".")}
    found += [f"a file of no row: {name}" for name in files - kept]
    return found + [f"a row without its file: {name}" for name in kept - files]


def ask_sqlite(path: str) -> Ask:
    """Return what asks a closed SQLite file."""

    def ask(query: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    return ask


def ask_postgres(url: str) -> Ask:
    """Return what asks a PostgreSQL database."""

    def ask(query: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(url, options="-c search_path=asyncflow") as connection:
            return connection.execute(query.encode()).fetchall()

    return ask
