"""What a picture of a graph shows: boxes, and the edges between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from asyncflow.status import Status

Kind: TypeAlias = Literal["task", "data_node", "editor"]


@attrs.frozen(kw_only=True)
class Box:
    """A task, a data node or who wrote one, or several of one kind.

    :param id: tells it from the others
    :param label: what it is called
    :param kind: what it is
    :param note: a few words below the label; none where it is empty
    :param statuses: how many jobs have which status; empty where none has run
    :param like: what boxes have in common that may be drawn as one
    :param count: how many it stands for
    """

    id: str
    label: str
    kind: Kind = "task"
    note: str = ""
    statuses: Mapping[Status, int] = attrs.field(factory=dict)
    like: str = ""
    count: int = 1

    def named(self, label: str) -> str:
        """Return a form of its label with how many it stands for."""
        return label if self.count == 1 else f"{label} ×{self.count}"


@attrs.frozen(kw_only=True)
class Graph:
    """Boxes, and the edges between them: a graph without circles.

    :param boxes: in any order
    :param edges: from which box to which, by their places
    """

    boxes: Sequence[Box]
    edges: Collection[tuple[int, int]]

    def successors(self) -> list[list[int]]:
        """Return for each box where its edges lead, each once, in order."""
        found: list[list[int]] = [[] for _ in self.boxes]

        for source, target in sorted(set(self.edges)):
            found[source].append(target)

        return found
