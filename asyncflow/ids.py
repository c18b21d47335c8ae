"""The grammar of ids: makes and parses each of them.

An id is the kind, what it is of, and a key that tells it from others of that::

    SCENARIO_<config>_<key>             DATANODE_<config>_<key of its scenario>
    TASK_<config>_<id of its scenario>  DATANODE_<config>_<id of its cycle>  (or GLOBAL)
    TASK_<config>_<id of its cycle>  (or GLOBAL)
    SEQUENCE_<name>_<id of its scenario>
    CYCLE_<frequency>_<its first instant, in UTC>
    SUBMISSION_<key>                    JOB_<config of its task>_<key of its submission>
    ORCHESTRATOR_<key>

Config ids are identifiers, which may have ``_`` in them, and even ``_SCENARIO_``; keys are
hexadecimal. So an id is read from its ends. Workers import this, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

SCENARIO, SEQUENCE, TASK, DATA_NODE = "SCENARIO", "SEQUENCE", "TASK", "DATANODE"
SUBMISSION, JOB, ORCHESTRATOR = "SUBMISSION", "JOB", "ORCHESTRATOR"
CYCLE = "CYCLE"

SUBMITTABLE = (SCENARIO, SEQUENCE, TASK)
"""The kinds of what can be submitted."""

ScenarioId: TypeAlias = str
CycleId: TypeAlias = str
SequenceId: TypeAlias = str
TaskId: TypeAlias = str
DataNodeId: TypeAlias = str
SubmissionId: TypeAlias = str
JobId: TypeAlias = str
"""For annotations: ids are texts."""

_KEYS = "5f3a7c0e-6d0b-4c53-9d0a-5d6a1f0b8a77"
"""The namespace of idempotency keys; any would do."""


def new_key(idempotency_key: str | None = None) -> str:
    """Return what tells one from others: the same for the same idempotency key.

    Without one it begins with the time, in milliseconds. So what is made at one time is
    at one place in the indexes of a store, which is five times as fast in a large one.
    """
    if idempotency_key is None:
        try:
            random = _random.pop()
        except IndexError:
            random = _more_random()

        return f"{time.time_ns() // 1_000_000:012x}{random}"

    from uuid import UUID, uuid5

    return uuid5(UUID(_KEYS), idempotency_key).hex


_random: list[str] = []
"""Random ends of keys. The system makes many in hardly more time than one, which is long
where runs are submitted one after the other."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.clear)


def _more_random() -> str:
    digits = os.urandom(64 * 10).hex()
    first, *others = (digits[i : i + 20] for i in range(0, len(digits), 20))
    _random.extend(others)
    return first


def new_revision() -> int:
    """Return what tells the state of a record from all others that it ever has."""
    return int.from_bytes(os.urandom(7), "big") + 1


def of_scenario(config_id: str, key: str) -> str:
    """Return the id of a scenario."""
    return f"SCENARIO_{config_id}_{key}"


def of_cycle(frequency: str, start: datetime) -> str:
    """Return the id of a cycle: whoever makes it, it is the same.

    :param frequency: without ``_``
    :param start: its first instant, in UTC
    """
    return f"CYCLE_{frequency}_{start.replace(tzinfo=None).isoformat()}Z"


def of_sequence(name: str, scenario_id: str) -> str:
    """Return the id of a sequence."""
    return f"SEQUENCE_{name}_{scenario_id}"


def of_task(config_id: str, owner_id: str) -> str:
    """Return the id of a task.

    :param owner_id: the id of its scenario, or where scenarios share it that of their
        cycle or the scope
    """
    return f"TASK_{config_id}_{owner_id}"


def of_basis(config_id: str, scopes: Collection[str]) -> str:
    """Return what the outputs of a task are known by that several scenarios share.

    :param scopes: those of the outputs; for a cycle, its id
    """
    return f"TASK_{config_id}_{'_'.join(sorted(scopes))}"


def of_node(config_id: str, key: str) -> str:
    """Return the id of a data node.

    :param key: that of its scenario, or where scenarios share it the id of their cycle or
        the scope
    """
    return f"DATANODE_{config_id}_{key}"


def of_submission(key: str) -> str:
    """Return the id of a submission."""
    return f"SUBMISSION_{key}"


def of_job(config_id: str, key: str) -> str:
    """Return the id of a job.

    :param config_id: that of its task
    :param key: that of its submission
    """
    return f"JOB_{config_id}_{key}"


def job_ids(config_id: str) -> str:
    """Return what the ids of all jobs of tasks of a config begin with, and some others'."""
    return of_job(config_id, "")


def of_orchestrator() -> str:
    """Return the id of a new orchestrator."""
    return f"ORCHESTRATOR_{os.urandom(6).hex()}"


def kind_of(entity_id: str) -> str:
    """Return the kind of what has an id: `SCENARIO`, ..."""
    return entity_id.partition("_")[0]


def key_of(entity_id: str) -> str:
    """Return the key that an id ends with; of a data node that is shared, its scope."""
    return entity_id.rpartition("_")[2]


def config_of(entity_id: str) -> str:
    """Return the config id in the id of a scenario, of a data node, of a job, or of a task
    that scenarios share.
    """
    if entity_id.endswith("Z") and not entity_id.startswith(CYCLE):
        return entity_id[entity_id.index("_") + 1 : entity_id.rindex("_CYCLE_")]

    return entity_id.partition("_")[2].rpartition("_")[0]


def is_shared(part_id: str) -> bool:
    """Tell whether scenarios share a data node, or a task."""
    return part_id.endswith(("_GLOBAL", "Z", "_CYCLE"))  # the last of older stores


def cycle_of(part_id: str) -> str | None:
    """Return the id of the cycle whose scenarios share a data node, or a task; None where
    those of no cycle alone do.
    """
    return part_id[part_id.rindex("_CYCLE_") + 1 :] if part_id.endswith("Z") else None


def submission_of(job_id: str) -> str:
    """Return the id of the submission of a job."""
    return f"SUBMISSION_{job_id.rpartition('_')[2]}"


def scenarios_of(part_id: str) -> Iterator[str]:
    """Yield the ids that the scenario of a task or of a sequence may have.

    It is the first of them that there is. There are several where ``_SCENARIO_`` is also
    in the name of the part, or in that of the scenario.
    """
    start = len(part_id)

    while (start := part_id.rfind("_SCENARIO_", 0, start + 1)) > 0:
        yield part_id[start + 1 :]


def name_of(sequence_id: str, scenario_id: str) -> str:
    """Return the name in the id of a sequence."""
    return sequence_id.removeprefix("SEQUENCE_").removesuffix(f"_{scenario_id}")
