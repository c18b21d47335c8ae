"""Records as rows of a database, and back: what comes back is equal."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from asyncflow.records import (
    AttemptRecord,
    BasisRecord,
    DataNodeRecord,
    JobRecord,
    LogRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.worker.codec import dumps

Cell: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = tuple[Cell, ...]


class Saved(NamedTuple):
    """A row to be saved."""

    table: str
    cells: Row


class Kind(NamedTuple):
    """A kind of record."""

    table: str
    dump: Callable[[Any], Iterable[Saved]]
    load: Callable[[Row], Any]


def dump(record: Record) -> Iterable[Saved]:
    """Make the rows of a record, in the order in which they are to be saved.

    :raises NotPicklable: where a property cannot be kept
    """
    kind = KINDS.get(type(record))

    if kind is None:
        raise TypeError(f"a store keeps the records of asyncflow, not {record!r}")

    return kind.dump(record)


def _dump_scenario(record: ScenarioRecord) -> Iterable[Saved]:
    properties = _dump_properties(record.properties, record.id)
    return (Saved("scenario", (*record[:-1], *properties)),)


def _load_scenario(row: Row) -> ScenarioRecord:
    return ScenarioRecord._make((*row[:-2], _load_properties(*row[-2:])))


def _dump_submission(record: SubmissionRecord) -> Iterable[Saved]:
    properties = _dump_properties(record.properties, record.id)
    facts = (*record[:-4], record.priority, record.run_timeout)
    return (
        Saved("submission", facts),
        Saved("graph", (record.graph, *properties, record.id)),
    )


def _load_submission(row: Row) -> SubmissionRecord:
    *facts, force, on_failure, priority, run_timeout, graph, properties, pickled = row
    made = (bool(force), on_failure, graph, _load_properties(properties, pickled))
    return SubmissionRecord._make((*facts, *made, priority, run_timeout))


def _dump_data_node(record: DataNodeRecord) -> Iterable[Saved]:
    return (Saved("data_node", record),)


def _dump_version(record: VersionRecord) -> Iterable[Saved]:
    node_id, number, kept, *edit, holder_id = record
    value = kept if isinstance(kept, bytes) else None
    path = kept if isinstance(kept, str) else None
    return (Saved("version", (node_id, number, *edit, holder_id, path, value)),)


def _load_version(row: Row) -> VersionRecord:
    node_id, number, is_kept, *edit, path, value = row
    kept: Any = path if value is None else value
    return VersionRecord._make((node_id, number, kept, bool(is_kept), *edit))


def _dump_job(record: JobRecord) -> Iterable[Saved]:
    *facts, attempts, cpu_seconds, peak_rss = record
    # Not escaped: two halves of a character would come back as one.
    text = json.dumps(attempts, ensure_ascii=False) if attempts else ""
    return (Saved("job", (*facts, text, cpu_seconds, peak_rss)),)


def _load_job(row: Row) -> JobRecord:
    *facts, text, cpu_seconds, peak_rss = row
    attempts = tuple(map(AttemptRecord._make, json.loads(str(text)))) if text else ()
    return JobRecord._make((*facts, attempts, cpu_seconds, peak_rss))


def _dump_log(record: LogRecord) -> Iterable[Saved]:
    return (Saved("log", record),)


def _dump_basis(record: BasisRecord) -> Iterable[Saved]:
    *facts, inputs, outputs = record
    numbers = (json.dumps(dict(inputs)), json.dumps(dict(outputs)))
    return (Saved("basis", (*facts, *numbers)),)


def _load_basis(row: Row) -> BasisRecord:
    *facts, inputs, outputs = row
    return BasisRecord._make(
        (*facts, json.loads(str(inputs)), json.loads(str(outputs)))
    )


def _dump_orchestrator(record: OrchestratorRecord) -> Iterable[Saved]:
    return (Saved("orchestrator", record),)


def _dump_properties(
    properties: Mapping[str, Any], owner: str
) -> tuple[str, bytes | None]:
    """Write JSON where that gives the same back, else a pickle."""
    plain = dict(properties)

    if not plain:
        return "{}", None

    try:
        if _is_json(plain):
            text = json.dumps(plain, ensure_ascii=False)
            text.encode()
            return text, None
    except (ValueError, RecursionError):  # surrogates, or very long or deep
        pass

    return "", dumps(plain, name=f"properties of {owner}")


def _load_properties(text: Any, pickled: Any) -> Any:
    if pickled is not None:
        return pickle.loads(pickled)

    return {} if text == "{}" else json.loads(text)


def _is_json(value: Any) -> bool:
    """Tell whether JSON keeps a value with all its types."""
    kind = type(value)

    if kind is dict:
        return all(type(key) is str and _is_json(part) for key, part in value.items())

    if kind is list:
        return all(map(_is_json, value))

    if kind is float:
        return math.isfinite(value)

    return value is None or kind in (str, int, bool)


def load_name(row: Row) -> str:
    """Load the row of a query that asks for one text."""
    return str(row[0])


KINDS: Mapping[type[Record], Kind] = {
    ScenarioRecord: Kind("scenario", _dump_scenario, _load_scenario),
    SubmissionRecord: Kind("submission", _dump_submission, _load_submission),
    DataNodeRecord: Kind("data_node", _dump_data_node, DataNodeRecord._make),
    JobRecord: Kind("job", _dump_job, _load_job),
    LogRecord: Kind("log", _dump_log, LogRecord._make),
    OrchestratorRecord: Kind(
        "orchestrator", _dump_orchestrator, OrchestratorRecord._make
    ),
    VersionRecord: Kind("version", _dump_version, _load_version),
    BasisRecord: Kind("basis", _dump_basis, _load_basis),
}

FOUND_BY_ID: Mapping[type[Record], Kind] = {
    kind: KINDS[kind]
    for kind in (
        ScenarioRecord,
        DataNodeRecord,
        SubmissionRecord,
        JobRecord,
        OrchestratorRecord,
    )
}
"""The kinds of which `Store.get` returns a record."""
