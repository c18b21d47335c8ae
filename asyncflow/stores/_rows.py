"""Records as rows of a database, and back: what comes back is equal."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.worker.codec import dumps

Cell: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = tuple[Cell, ...]


class Kind(NamedTuple):
    """A kind of record."""

    table: str
    dump: Callable[[Any], Row]
    load: Callable[[Row], Any]


def dump(record: Record) -> tuple[str, Row]:
    """Make the row of a record; return it with the name of its table.

    :raises NotPicklable: where a property cannot be kept
    """
    kind = KINDS.get(type(record))

    if kind is None:
        raise TypeError(f"a store keeps the records of asyncflow, not {record!r}")

    return kind.table, kind.dump(record)


def surrogates_escaped(cells: Iterable[Cell]) -> Row:
    """Make bytes of each text that UTF-8 has not: names of files, in a traceback."""
    return tuple(
        cell.encode("utf-8", "surrogatepass")
        if isinstance(cell, str) and not _is_utf8(cell)
        else cell
        for cell in cells
    )


def _texts(cells: Sequence[Cell]) -> Iterable[Any]:
    """Undo `surrogates_escaped`, where no cell is bytes of its own."""
    if bytes not in map(type, cells):
        return cells

    return [
        cell.decode("utf-8", "surrogatepass") if isinstance(cell, bytes) else cell
        for cell in cells
    ]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return True


def _dump_with_properties(record: ScenarioRecord | SubmissionRecord) -> Row:
    return (*record[:-1], _dump_properties(record.properties, record.id))


def _load_scenario(row: Row) -> ScenarioRecord:
    return ScenarioRecord._make((*_texts(row[:-1]), _load_properties(row[-1])))


def _load_submission(row: Row) -> SubmissionRecord:
    return SubmissionRecord._make((*_texts(row[:-1]), _load_properties(row[-1])))


def _dump_data_node(record: DataNodeRecord) -> Row:
    identity, config_id, owner_id, version, kept, edited_at, job_id = record
    value = kept if isinstance(kept, bytes) else None
    path = kept if isinstance(kept, str) else None
    return identity, config_id, owner_id, version, edited_at, job_id, value, path


def _load_data_node(row: Row) -> DataNodeRecord:
    *texts, path = _texts((*row[:6], row[7]))
    identity, config_id, owner_id, version, edited_at, job_id = texts
    kept: Any = path if row[6] is None else row[6]
    return DataNodeRecord(
        identity, config_id, owner_id, version, kept, edited_at, job_id
    )


def _dump_job(record: JobRecord) -> Row:
    return record


def _load_job(row: Row) -> JobRecord:
    return JobRecord._make(_texts(row))


def _dump_properties(properties: Mapping[str, Any], owner: str) -> str | bytes:
    """Write JSON where that gives the same back, else a pickle."""
    plain = dict(properties)

    if not plain:
        return "{}"

    try:
        if _is_json(plain):
            text = json.dumps(plain, ensure_ascii=False)
            text.encode()
            return text
    except (ValueError, RecursionError):  # surrogates, or very long or deep
        pass

    return dumps(plain, name=f"properties of {owner}")


def _load_properties(cell: Any) -> dict[str, Any]:
    if cell == "{}":
        return {}

    loads = pickle.loads if isinstance(cell, bytes) else json.loads
    loaded: dict[str, Any] = loads(cell)
    return loaded


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


KINDS: Mapping[type[Record], Kind] = {
    ScenarioRecord: Kind("scenario", _dump_with_properties, _load_scenario),
    SubmissionRecord: Kind("submission", _dump_with_properties, _load_submission),
    DataNodeRecord: Kind("data_node", _dump_data_node, _load_data_node),
    JobRecord: Kind("job", _dump_job, _load_job),
}
