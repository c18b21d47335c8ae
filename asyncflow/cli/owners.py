"""The processes that drive runs: whether they live."""

from __future__ import annotations

import time
from typing import Any

from asyncflow.cli.records import Reader
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery.liveness import is_dead

SKEW = 60.0
"""By how much the clock of another host may differ before what it runs counts as left, in
seconds."""


def orchestrators(store: Reader) -> list[OrchestratorRecord]:
    """Return those that are open, or were killed, as the store knows them."""
    records = map(store.find, store.names("orchestrators"))
    return [record for record in records if isinstance(record, OrchestratorRecord)]


def driver_of(store: Reader, run: Any) -> OrchestratorRecord | None:
    """Return whose process drives a run; None where none does any more."""
    owner = store.find(run.orchestrator_id)

    if not isinstance(owner, OrchestratorRecord):
        return None

    return None if is_dead(owner, own_ids=(), now=time.time() - SKEW) else owner


def advice(run: str) -> str:
    """Return what becomes of a run that nobody drives: an id, or ``ID`` for several."""
    return f"`asyncflow retry {run}` has it go on, `asyncflow cancel {run}` ends it"


def is_left(store: Reader, run: Any) -> bool:
    """Tell whether a run has not ended, and no process drives it any more."""
    return run.finished is None and driver_of(store, run) is None
