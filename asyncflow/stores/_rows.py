"""Records as rows of a database, and back: what comes back is equal.

Rows are saved by their columns: there is a row or two for each job, so that Python takes
no step for each of them where it can take one for all.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from asyncflow.records import (
    AttemptRecord,
    BasisRecord,
    CycleRecord,
    DataNodeRecord,
    FirstVersionRecord,
    InputRecord,
    JobRecord,
    LabelRecord,
    LogRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.status import CRASHES, AttemptKind, Status, SubmissionStatus
from asyncflow.stores._properties import (
    NO_PROPERTIES,
    dump_properties,
    listed_pairs,
    load_properties,
)
from asyncflow.worker.outcome import StoredValue

Cell: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = tuple[Cell, ...]
Column: TypeAlias = tuple[Cell, ...]

_new = tuple.__new__

NO_TAGS = "[]"
"""What is kept where there are none."""

AT_ONCE = 512
"""The most records of which columns are made at once. Python makes something for each of
them, and its garbage collector would look at more in between."""


class TableRow(NamedTuple):
    """A row to be saved."""

    table: str
    cells: Row


WriteItem: TypeAlias = Record | TableRow
"""What the writer is given: a record that it makes a row of, or a row."""


def columns_of(rows: Sequence[Any]) -> list[Any]:
    """Return the columns of some rows, or records that are as their rows."""
    return [*zip(*rows, strict=True)]


class Kind(NamedTuple):
    """A kind of record."""

    table: str
    make: Callable[[Row], Any]
    """Makes a record of a row."""
    cells: tuple[type | tuple[type, ...], ...]
    """What a row has: SQLite keeps anything in any column."""
    columns: Callable[[Sequence[Any]], list[Column]] = columns_of
    """Makes the columns of records of which nothing can change, or be refused."""
    dump: Callable[[Any], Sequence[TableRow]] | None = None
    """Makes the rows of any other, in the order in which they are to be saved."""

    def load(self, row: Row) -> Any:
        """Make a record of a row; raise whatever garbage in it brings about."""
        if not all(map(isinstance, row, self.cells)):
            raise TypeError("a column has what does not belong there")

        return self.make(row)


def given(records: Sequence[Record], graphs: set[str]) -> Sequence[WriteItem]:
    """Return what the writer is to be given for some records.

    It makes most rows itself: this is called on the event loop, for each job.

    :param graphs: the ids of the unfinished submissions whose graphs and properties it
        was given before; these never change
    :raises NotPicklable: where a property cannot be kept
    """
    if len(records) == 1 and type(records[0]) is SubmissionRecord:  # for each run
        return _dump_change(records[0], graphs)

    if _UNCHANGING.issuperset(map(type, records)):
        return records

    return [
        part
        for record in records
        for part in (
            (record,) if type(record) in _UNCHANGING else _given(record, graphs)
        )
    ]


def _given(record: Record, graphs: set[str]) -> Sequence[WriteItem]:
    if isinstance(record, SubmissionRecord):
        return _dump_change(record, graphs)

    kind = KINDS.get(type(record))

    if kind is None:
        raise TypeError(f"a store keeps the records of asyncflow, not {record!r}")

    return (record,) if kind.dump is None else kind.dump(record)


def columns_by_table(
    kind: type[Any], group: Sequence[Any]
) -> Iterator[tuple[str, list[Column]]]:
    """Make the columns of what was given, all of one kind, for one table at a time."""
    if kind is not TableRow:
        known = KINDS[kind]

        for begin in range(0, len(group), AT_ONCE):
            yield known.table, known.columns(group[begin : begin + AT_ONCE])

        return

    found: dict[str, list[Row]] = {}

    for table, cells in group:
        found.setdefault(table, []).append(cells)

    for table, rows in found.items():
        yield table, columns_of(rows)


def _dump_scenario(record: ScenarioRecord) -> Sequence[TableRow]:
    properties = dump_properties(record.properties, record.id)
    tags = dump_tags(record.tags)
    sequences = dump_sequences(record.sequences)
    changed = (tags, record.revision, record.cycle_id, sequences, record.version)
    row = TableRow("scenario", (*record[:4], *properties, *changed))
    rows = [row, *(TableRow("tag", (tag, record.id)) for tag in record.tags)]

    # Whether there are any is not asked: that would unpickle them.
    if pairs := listed_pairs(record.properties):
        rows += (TableRow("property", (*pair, record.id)) for pair in pairs)

    return rows


def dump_tags(tags: Sequence[str]) -> str:
    """Write tags as they are kept."""
    return json.dumps(tags) if tags else NO_TAGS


def dump_sequences(sequences: Mapping[str, Any]) -> str:
    """Write what was changed of sequences as it is kept."""
    return json.dumps(sequences) if sequences else ""


def _load_scenario(row: Row) -> ScenarioRecord:
    *facts, properties, pickled, tags, revision, cycle_id, text, version = row
    loaded = load_properties(row[0], properties, pickled)
    names = () if tags == NO_TAGS else tuple(json.loads(str(tags)))
    sequences = json.loads(str(text)) if text else {}
    more = (loaded, names, revision, cycle_id, sequences, version)
    return ScenarioRecord._make((*facts, *more))


def _dump_submission(record: SubmissionRecord) -> Sequence[TableRow]:
    return _dump_change(record, set())


def _dump_change(record: SubmissionRecord, graphs: set[str]) -> Sequence[TableRow]:
    """Leave out what the writer has already; see `given`."""
    is_known = record.id in graphs

    if record.finished is not None:
        graphs.discard(record.id)
    else:
        graphs.add(record.id)

    facts = (*record[:-6], *record[-4:-2], int(record.waits), int(record.is_paused))
    row = _new(TableRow, ("submission", facts))  # without a call, for each run

    if is_known:
        return (row,)

    given = record.properties
    is_empty = type(given) is dict and not given  # of others it may take long to tell
    properties = NO_PROPERTIES if is_empty else dump_properties(given, record.id)
    return row, _new(TableRow, ("graph", (record.graph, *properties, record.id)))


def _load_submission(row: Row) -> SubmissionRecord:
    *facts, force, on_failure, priority, run_timeout, waits, paused = row[:-3]
    loaded = load_properties(row[0], *row[-2:])
    made = (bool(force), on_failure, row[-3], loaded, priority, run_timeout)
    record = SubmissionRecord._make((*facts, *made, bool(waits), bool(paused)))
    return record._replace(status=SubmissionStatus(record.status))


def _version_columns(records: Sequence[VersionRecord]) -> list[Column]:
    node_ids, numbers, kept, *facts = columns_of(records)
    return [node_ids, numbers, *facts, *_paths_and_values(kept)]


def _input_columns(records: Sequence[InputRecord]) -> list[Column]:
    *facts, kept = columns_of(records)
    return [*facts, *_paths_and_values(kept)]


def _load_input(row: Row) -> InputRecord:
    *facts, path, value = row
    return InputRecord._make((*facts, path if value is None else value))


def _paths_and_values(kept: tuple[StoredValue, ...]) -> tuple[Column, Column]:
    """Tell the names of files from the values themselves."""
    if str not in map(type, kept):
        return (None,) * len(kept), kept

    paths = tuple(value if isinstance(value, str) else None for value in kept)
    values = tuple(None if isinstance(value, str) else value for value in kept)
    return paths, values


def _load_version(row: Row) -> VersionRecord:
    node_id, number, is_kept, *edit, path, value = row
    kept: Any = path if value is None else value
    return VersionRecord._make((node_id, number, kept, bool(is_kept), *edit))


def _job_columns(records: Sequence[JobRecord]) -> list[Column]:
    columns = columns_of(records)
    columns[_ATTEMPTS] = _dump_attempts(columns[_ATTEMPTS])
    return columns


_ATTEMPTS = JobRecord._fields.index("attempts")


def _dump_attempts(column: tuple[tuple[AttemptRecord, ...], ...]) -> Column:
    if not any(column):
        return ("",) * len(column)

    # Not escaped: two halves of a character would come back as one.
    return tuple(
        json.dumps(attempts, ensure_ascii=False) if attempts else ""
        for attempts in column
    )


def _load_job(row: Row) -> JobRecord:
    *facts, text, cpu_seconds, peak_rss, worker = row
    attempts = _load_attempts(json.loads(str(text))) if text else ()
    record = JobRecord._make((*facts, attempts, cpu_seconds, peak_rss, worker))
    return record._replace(status=Status(record.status))


def _load_attempts(rows: Sequence[Sequence[Any]]) -> tuple[AttemptRecord, ...]:
    found: list[AttemptRecord] = []
    count = 0

    for number, started_at, ended_at, reason, traceback, *others in rows:
        kind = AttemptKind(others[0]) if others else _kind_by_text(reason)
        count = others[1] if len(others) > 1 else count + (kind in CRASHES)
        facts = number, started_at, ended_at, reason, traceback
        found.append(AttemptRecord(*facts, kind, count))

    return tuple(found)


def _kind_by_text(reason: str) -> AttemptKind:
    """Tell how an attempt failed of which that was not kept yet."""
    for start, kind in _KINDS_BY_TEXT.items():
        if reason.startswith(start):
            return kind

    return AttemptKind.RAISED


_KINDS_BY_TEXT = {
    "its worker process ": AttemptKind.CRASHED,
    "no worker process ": AttemptKind.CRASHED,
    "its executor ": AttemptKind.CRASHED,
    "TIMED_OUT: ": AttemptKind.TIMED_OUT,
    "STALLED: ": AttemptKind.STALLED,
}


def _dump_basis(record: BasisRecord) -> Sequence[TableRow]:
    *facts, inputs, outputs, contents = record
    seen, made = [
        json.dumps(
            {
                name: [number, contents[name]] if name in contents else number
                for name, number in numbers.items()
            }
        )
        for numbers in (inputs, outputs)
    ]
    return (TableRow("basis", (*facts, seen, made)),)


def _load_basis(row: Row) -> BasisRecord:
    *facts, inputs, outputs = row
    contents: dict[str, str] = {}
    numbers = [_load_numbers(str(text), contents) for text in (inputs, outputs)]
    return BasisRecord._make((*facts, *numbers, contents))


def _load_numbers(text: str, contents: dict[str, str]) -> dict[str, int]:
    """Load what `_dump_basis` has made of numbers; add the contents."""
    found = json.loads(text)
    pairs = {name: value for name, value in found.items() if isinstance(value, list)}
    contents.update({name: content for name, (_, content) in pairs.items()})
    return {name: pairs[name][0] if name in pairs else found[name] for name in found}


def load_pin(row: Row) -> tuple[str, int]:
    """Load the row of a query that asks for versions by their data nodes and numbers."""
    node_id, number = row
    assert isinstance(number, int)
    return str(node_id), number


def load_label(row: Row) -> LabelRecord:
    """Load a version of an application."""
    name, is_production, config, created = row

    if not isinstance(created, int | float):
        raise TypeError("a column has what does not belong there")

    return LabelRecord(str(name), bool(is_production), str(config), created)


def load_name(row: Row) -> str:
    """Load the row of a query that asks for one text."""
    return str(row[0])


_TEXT, _NUMBER, _FLAG = str, (float, int), int
_MAYBE_TEXT, _MAYBE_NUMBER = (str, type(None)), (float, int, type(None))
_MAYBE_BLOB = (bytes, type(None))


def load_time(row: Row) -> float:
    """Load the row of a query that asks for a time."""
    (at,) = row
    assert isinstance(at, float)
    return at


KINDS: Mapping[type[Record], Kind] = {
    ScenarioRecord: Kind(
        "scenario",
        _load_scenario,
        (
            *(_TEXT, _TEXT, _MAYBE_TEXT, _NUMBER, _TEXT, _MAYBE_BLOB, _TEXT, _FLAG),
            *(_MAYBE_TEXT, _TEXT, _MAYBE_TEXT),
        ),
        dump=_dump_scenario,
    ),
    CycleRecord: Kind(
        "cycle",
        CycleRecord._make,
        (
            *(_TEXT, _TEXT, _TEXT, _NUMBER, _NUMBER, _NUMBER, _MAYBE_TEXT),
            *(_MAYBE_NUMBER, _TEXT, _FLAG),
        ),
    ),
    SubmissionRecord: Kind(
        "submission",
        _load_submission,
        (
            *(_TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _NUMBER, _MAYBE_NUMBER, _TEXT, _FLAG),
            *(_TEXT, _NUMBER, _MAYBE_NUMBER, _FLAG, _FLAG, _TEXT, _TEXT, _MAYBE_BLOB),
        ),
        dump=_dump_submission,
    ),
    InputRecord: Kind(
        "input",
        _load_input,
        (_TEXT, _TEXT, _FLAG, _MAYBE_TEXT, _MAYBE_BLOB),
        _input_columns,
    ),
    DataNodeRecord: Kind(
        "data_node",
        DataNodeRecord._make,
        (
            *(_TEXT, _TEXT, _MAYBE_TEXT, _MAYBE_TEXT, _MAYBE_NUMBER, _MAYBE_TEXT),
            *(_TEXT, _FLAG),
        ),
    ),
    JobRecord: Kind(
        "job",
        _load_job,
        (
            *(_TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _MAYBE_NUMBER, _MAYBE_NUMBER, _TEXT),
            *(_TEXT, _MAYBE_NUMBER, _MAYBE_NUMBER),
        ),
        _job_columns,
    ),
    LogRecord: Kind("log", LogRecord._make, (_TEXT, _TEXT, _FLAG)),
    OrchestratorRecord: Kind(
        "orchestrator",
        OrchestratorRecord._make,
        (_TEXT, _TEXT, _FLAG, _TEXT, _TEXT, _NUMBER),
    ),
    VersionRecord: Kind(
        "version",
        _load_version,
        (
            *(_TEXT, _FLAG, _FLAG, _MAYBE_TEXT, _MAYBE_TEXT, _TEXT, _MAYBE_TEXT),
            *(_MAYBE_TEXT, _MAYBE_TEXT, _MAYBE_TEXT, _MAYBE_BLOB),
        ),
        _version_columns,
    ),
    FirstVersionRecord: Kind("first_version", _load_version, (), _version_columns),
    BasisRecord: Kind(
        "basis", _load_basis, (_TEXT, _TEXT, _TEXT, _TEXT, _TEXT), dump=_dump_basis
    ),
}

_UNCHANGING = frozenset(kind for kind, known in KINDS.items() if known.dump is None)

FOUND_BY_ID: Mapping[type[Record], Kind] = {
    kind: KINDS[kind]
    for kind in (
        ScenarioRecord,
        DataNodeRecord,
        SubmissionRecord,
        JobRecord,
        OrchestratorRecord,
        CycleRecord,
    )
}
"""The kinds of which `Store.get` returns a record."""
