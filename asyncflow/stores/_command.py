"""What the writer of a store is asked for beside saving rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from asyncflow.errors import StoreFailed, TakenOver
from asyncflow.records import (
    Changeable,
    DataNodeRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.stores._properties import dump_properties, listed_pairs
from asyncflow.stores._rows import Cell, Row, WriteItem, dump_sequences, dump_tags

Parameters: TypeAlias = Mapping[str, Cell]


@attrs.define(eq=False, repr=False)
class Command:
    """Some queries of one name, run in one transaction, between the saves around them.

    :param verb: the name: ``claim`` has all queries that are named ``claim.part``
    :param given: the parameters, for each time that each query is run
    """

    verb: str
    given: Sequence[Parameters]
    unless: tuple[Command, Sequence[str]] | None = None
    """One that was carried out before, and parts of it: where one of these has found
    something, this is not carried out."""
    records: Sequence[WriteItem] = ()
    """What is saved first, in case."""
    answers: dict[str, list[Row]] = attrs.field(init=False, factory=dict)
    """For each part, the rows that it returned. Whole when the act has settled."""


Change: TypeAlias = Sequence[WriteItem | Command]
"""What is written as a whole, or not at all."""


def claim(record: SubmissionRecord) -> Command:
    """Ask for a submission to be saved, unless there is one with its id."""
    properties, pickled = dump_properties(record.properties, record.id)
    made = {"properties": properties, "pickled": pickled, "waits": int(record.waits)}
    return Command("claim", [{**record._asdict(), **made}])


def changed(record: Changeable, before: int) -> Command:
    """Ask for what was changed of a record to be saved; see `Store.update`."""
    facts: dict[str, Cell] = {
        "id": record.id,
        "revision": record.revision,
        "before": before,
    }

    if not isinstance(record, ScenarioRecord):
        given = {**facts, "attributes": record.attributes}

        if isinstance(record, DataNodeRecord):
            return Command("update_data_node", [given])

        return Command("update_cycle", [{**given, "name": record.name}])

    properties, pickled = dump_properties(record.properties, record.id)
    tags = {"tags": dump_tags(record.tags), "tag_names": keys(record.tags)}
    made: dict[str, Cell] = {"name": record.name, "properties": properties}
    made |= {"pickled": pickled, "sequences": dump_sequences(record.sequences)}
    made["version"] = record.version
    made["is_read"] = listed_pairs(record.properties) is not None
    return Command("update_scenario", [{**facts, **made, **tags}])


def changed_properties(record: Changeable) -> Sequence[Command]:
    """Ask for a scenario that was just changed to be found by its properties."""
    if not isinstance(record, ScenarioRecord):
        return ()

    facts: dict[str, Cell] = {"id": record.id, "revision": record.revision}
    pairs = listed_pairs(record.properties) or ()
    given = [{**facts, "name": name, "value": value} for name, value in pairs]
    return (Command("update_property", given),) if given else ()


def unfinished(
    record_ids: Collection[str], lost: Collection[SubmissionRecord]
) -> Command:
    """Ask for what keeps scenarios or submissions from being deleted.

    :param lost: the submissions that do not, though they have not finished
    """
    listed = keys([f"{run.id} {run.orchestrator_id}" for run in lost])
    given = [{"id": record_id, "lost": listed} for record_id in record_ids]
    return Command("unfinished", given)


def written(
    node_id: str, records: Sequence[WriteItem], readers: Mapping[str, bool] | None
) -> tuple[Command, ...]:
    """Ask for versions to be saved; see `Store.write`.

    :return: what is looked at first, and what is done then
    """
    if readers is None:
        look = Command("absent", [{"id": node_id}])
        return look, Command("write", (), (look, ("node",)), records)

    look = Command("unread", [{"id": node_id, "known": keys(readers)}])
    unless = look, ("node", "runs")
    runs = [run_id for run_id, is_read in readers.items() if is_read]
    given = [{"id": run_id, "node_id": node_id} for run_id in runs]
    pin = Command("pin_read", given, unless)
    return look, pin, Command("write", (), unless, records)


def keys(names: Iterable[str]) -> str:
    """Write names as the keys of an object, which every database can list."""
    return json.dumps(dict.fromkeys(names))


def of_labels(labels: Collection[str] | None) -> dict[str, str]:
    """Return the parameter of a list for the versions of the application that it shows."""
    if labels is None:
        return {}

    return {"label": min(labels)} if len(labels) == 1 else {"labels": keys(labels)}


def taken_over(file: str) -> TakenOver:
    """Make the error of one whose orchestrator is not registered any more."""
    return TakenOver(
        file,
        "another orchestrator took this one for dead and has its runs now",
        "open a new one, and look what held this one's process up, or changed its clock",
    )


def is_reported(error: BaseException | None) -> bool:
    """Tell whether an error, or one in a group, says already that the store failed."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(StoreFailed) is not None

    return isinstance(error, StoreFailed)
