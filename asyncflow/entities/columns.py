"""What the columns of a data node's value have. For faces."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from asyncflow.abc import Driver, StoredValue
from asyncflow.column_statistics import Statistics, statistics_of
from asyncflow.entities.data_node import DataNode, node_of
from asyncflow.entities.parts import Ask
from asyncflow.filters import Where


@attrs.frozen
class AskStatistics(Ask):
    """What the columns have, of the rows that a condition picks."""

    is_parsed: ClassVar[bool] = True
    where: Where | None

    def __call__(self, driver: Driver, kept: StoredValue) -> Statistics | None:
        return statistics_of(driver.read(kept, where=self.where))


async def columns_of(
    node: DataNode[Any], where: Where | None = None
) -> Statistics | None:
    """Return what the columns of a value have, found by a worker; None for no columns.

    It reads the whole value.

    :param where: which rows are meant; None for all
    :raises NoData: where it was never written
    """
    found: Statistics | None = await node._verbs.read(
        node_of(node), None, AskStatistics(where), in_process=False
    )
    return found
