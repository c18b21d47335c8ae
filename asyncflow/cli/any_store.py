"""Stores that cannot be read without being opened, such as PostgreSQL's."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Self, TypeVar

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.errors import UsageError
from asyncflow.options import Page
from asyncflow.runtime.wiring import as_store
from asyncflow.secret import without_password

T = TypeVar("T")


class AnyReader:
    """Read any store: it is opened, and asked for whole lists, which takes longer.

    :param address: that of the store
    """

    def __init__(self, address: str) -> None:
        self.file: str = without_password(address)
        self._store: Store = as_store(address)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._run(self._store.__aenter__)
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._run(lambda: self._store.__aexit__(*error))
        finally:
            self._runner.__exit__(*error)

    def find(self, record_id: str) -> Any:
        """Return the record with an id, of whatever kind, or None."""
        return self._run(lambda: self._store.get(record_id))

    def starting(self, table: str, prefix: str, limit: int) -> list[str]:
        """Return ids that begin with something."""
        found = [
            record.id for record in self._all(table) if record.id.startswith(prefix)
        ]
        return found[:limit]

    def listed(
        self, table: str, filters: Mapping[str, Any], sort: str, page: Page
    ) -> list[Any]:
        """List the records of a kind; see `asyncflow.stores._reader`."""
        scenarios = {record.id: record for record in self._all("scenario")}
        given = {name: value for name, value in filters.items() if value is not None}
        found = [
            record
            for record in self._all(table)
            if self._is_meant(record, given, scenarios)
        ]

        if sort != "date":
            found.sort(key=lambda record: _key(record, sort))

        if page.newest_first:
            found.reverse()

        end = None if page.limit is None else page.offset + page.limit
        return found[page.offset : end]

    def log(self, job_id: str) -> Any:
        """Return what a job printed, or None."""
        return self._run(lambda: self._store.log(job_id))

    def versions(self, node_id: str) -> list[Any]:
        """List the versions of a data node."""
        return self._run(lambda: self._store.versions(node_id=node_id))

    def data_nodes(self, owner_id: str) -> list[Any]:
        """List the data nodes of a scenario or a cycle."""
        return self._run(lambda: self._store.data_nodes(owner_id=owner_id))

    def facts(self, name: str, ids_: Collection[str]) -> list[Any]:
        """Return what is known of several; see `asyncflow.stores._reader`."""
        if name == "scenarios_of":
            made = self._all("scenario")
            return [
                (record.id, record.config_id, record.name)
                for record in made
                if record.id in ids_
            ]

        if name == "last_submissions":
            runs = self._all("submission")
            last = {run.scenario_id: run for run in runs if run.scenario_id in ids_}
            return [(key, run.id, run.status) for key, run in last.items()]

        counts: dict[tuple[str, str], int] = {}

        for job in self._run(lambda: self._store.jobs(submission_ids=ids_)):
            key = (job.submission_id, str(job.status))
            counts[key] = counts.get(key, 0) + 1

        return [(*key, count) for key, count in counts.items()]

    def duration(self, config_id: str) -> float | None:
        """Return how long the last job of a task took, in seconds; None for no job."""
        for job in reversed(self._all("job")):
            if ids.config_of(job.id) == config_id and job.started and job.finished:
                return float(job.finished - job.started)

        return None

    def check(self) -> list[str]:
        """Return what is wrong with it: its server looks after that."""
        return []

    def sizes(self) -> dict[str, int]:
        """Return how many records there are of each kind."""
        tables = ("scenario", "submission", "job", "data_node")
        return {f"{table}s": len(self._all(table)) for table in tables}

    def names(self, what: str) -> list[str]:
        """List the names of files that values have, ``kept_names``, or ``makers``, or
        ``orchestrators``.
        """
        if what == "orchestrators":
            return [record.id for record in self._run(self._store.orchestrators)]

        ask = self._store.makers if what == "makers" else self._store.kept_names
        return sorted(self._run(ask))

    def prunable(
        self, finished_before: float | None, keep: int | None, has_log: bool
    ) -> list[str]:
        """List the runs that can be removed."""
        return self._run(
            lambda: self._store.prunable(
                finished_before=finished_before, keep=keep, has_log=has_log
            )
        )

    def values_folder(self, *, is_own: bool = False) -> str | None:
        """Return the folder of the files of large values; None where there is none."""
        return self._store.values_folder

    def backup(self, path: str) -> None:
        """Refuse to copy it.

        :raises UsageError: always
        """
        raise UsageError(
            f"{self.file} is not copied: only SQLite files are; use pg_dump for PostgreSQL"
        )

    def _is_meant(
        self, record: Any, given: Mapping[str, Any], scenarios: Mapping[str, Any]
    ) -> bool:
        run_id = getattr(record, "submission_id", None)
        run = (
            self.find(run_id)
            if run_id and {"scenario", "tag", "cycle"} & {*given}
            else record
        )
        scenario = scenarios.get(getattr(run, "scenario_id", record.id))
        own = record if run_id is None else None
        facts = {
            "config": ids.config_of(record.id)
            if run_id
            else scenario and scenario.config_id,
            "cycle": scenario and scenario.cycle_id,
            "scenario": scenario and scenario.id,
            "submission": run_id,
        }
        tests: dict[str, Callable[[Any], bool]] = {
            "statuses": lambda known: getattr(record, "status", None) in known,
            "tag": lambda tag: scenario is not None and tag in scenario.tags,
            "name": lambda text: fnmatch.fnmatchcase(
                ids.config_of(record.id)
                if own is None
                else (scenario and scenario.name) or "",
                text,
            ),
            "since": lambda at: (_date(record) or 0.0) >= at,
            "until": lambda at: (_date(record) or 0.0) < at,
        }
        return all(
            tests[name](value) if name in tests else facts[name] == value
            for name, value in given.items()
        )

    def _all(self, table: str) -> list[Any]:
        lists: dict[str, Callable[[], Awaitable[list[Any]]]] = {
            "scenario": self._store.scenarios,
            "submission": self._store.submissions,
            "job": self._store.jobs,
            "cycle": self._store.cycles,
            "data_node": self._store.data_nodes,
        }
        return self._run(lists[table])

    def _run(self, ask: Callable[[], Awaitable[T]]) -> T:
        async def asked() -> T:
            return await ask()

        return self._runner.run(asked())


def _date(record: Any) -> float | None:
    for name in ("created", "submitted", "started", "finished"):
        if (at := getattr(record, name, None)) is not None:
            return float(at)

    return None


def _key(record: Any, sort: str) -> Any:
    if sort == "duration":
        ended, began = (
            record.finished,
            getattr(record, "started", None) or _date(record),
        )
        return (ended or float("inf")) - (began or 0.0)

    if sort == "config":
        return getattr(record, "config_id", None) or record.id

    return str(getattr(record, sort, None) or "")
