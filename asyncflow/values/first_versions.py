"""The first versions of data nodes that scenarios share: who is first to save one wins."""

from __future__ import annotations

from collections.abc import Iterable

from asyncflow.records import FirstVersionRecord, Record
from asyncflow.runs.node import NodeState
from asyncflow.values.versions import Versions


async def settle(
    versions: Versions, nodes: Iterable[NodeState], saved: Iterable[Record]
) -> None:
    """Take over what others have saved of data nodes before their default data came.

    The store has left that out: it is forgotten here, with its file.

    :param nodes: those of which versions were saved, among others
    """
    firsts = {
        record.node_id: record.number
        for record in saved
        if type(record) is FirstVersionRecord
    }

    if not firsts:
        return

    made = [
        (node, version)
        for node in nodes
        for version in node.versions
        if firsts.get(node.id) == version.number
    ]
    await versions.stored.refresh(node for node, _ in made)

    for node, version in made:
        if version not in node.versions and not version.is_dropped:
            versions.retention.refuse(version)
