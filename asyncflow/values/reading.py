"""Which runs read what is there of a data node, as far as their records tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from asyncflow.abc import Store
from asyncflow.records import SubmissionRecord, VersionRecord
from asyncflow.runs.node import NodeState
from asyncflow.values.sharing import StoreSharing


async def find(
    store: Store, node: NodeState, sharing: StoreSharing
) -> dict[str, bool] | None:
    """Find the runs that go on reading what a write by hand is about to replace.

    Others may have submitted them, or may take them over. Of what scenarios share it is
    pinned at the submit.

    :return: see `Store.write`; None where there is nothing to pin
    """
    driver = node.driver

    if (
        not sharing.may_have_pins
        or node.is_shared
        or not (driver.is_durable and driver.keeps_versions)
    ):
        return None

    runs = await store.submissions(scenario_id=node.owner_id, is_finished=False)
    return readers(node, runs)


async def write(
    store: Store,
    node: NodeState,
    records: Sequence[VersionRecord],
    known: dict[str, bool] | None,
    again: Callable[[Sequence[VersionRecord]], Sequence[VersionRecord]],
) -> bool:
    """Save versions of a data node; tell whether they were: see `Store.write`.

    :param known: what `find` has found
    :param again: brings records up to date that have waited, as others were saved
    """
    while True:
        is_saved = await store.write(node.id, *records, readers=known)

        if is_saved is not None:
            return is_saved

        runs = await store.submissions(scenario_id=node.owner_id, is_finished=False)
        known = readers(node, runs)  # others have submitted it meanwhile
        records = again(records)


def readers(node: NodeState, runs: Sequence[SubmissionRecord]) -> dict[str, bool]:
    """Tell of each run whether it reads what is there of a data node.

    One that writes it does not, nor does one that waits for another to write it: for one
    that was submitted earlier in the same process, and has not written it so far.

    :param runs: the runs of its scenario that have not ended, in the order of their
        submits
    """
    written = {version.submission_id for version in node.versions}
    writers: set[str] = set()
    """The orchestrators of which a run is still to write it."""
    found: dict[str, bool] = {}

    for run in runs:
        tasks = json.loads(run.graph)

        if any(node.config_id in outputs for _, _, outputs in tasks):
            found[run.id] = False
            writers |= set() if run.id in written else {run.orchestrator_id}
        else:
            is_read = any(node.config_id in inputs for _, inputs, _ in tasks)
            found[run.id] = is_read and run.orchestrator_id not in writers

    return found
