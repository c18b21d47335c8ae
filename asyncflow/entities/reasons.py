"""Reasons: why something cannot be done, as facts."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from asyncflow.facts import Facts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Reason(Facts):
    """Why something cannot be done with an entity."""

    entity_id: str

    def __str__(self) -> str:
        return f"{self.entity_id} cannot"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class IsUnknown(Reason):
    """There is nothing with this id."""

    def __str__(self) -> str:
        return f"nothing is known under the id {self.entity_id!r}"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class HasUnfinishedRun(Reason):
    """A run of it has not ended."""

    submission_id: str

    def __str__(self) -> str:
        return f"{self.submission_id} of {self.entity_id} has not ended"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class IsPrimaryWithSiblings(Reason):
    """It is the primary scenario of a cycle that has others."""

    cycle_id: str
    siblings: int
    """How many others."""

    def __str__(self) -> str:
        others = "another" if self.siblings == 1 else f"{self.siblings} others"
        return (
            f"{self.entity_id} is the primary scenario of {self.cycle_id} with {others}"
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class IsPrimaryAlready(Reason):
    """It is the primary scenario of its cycle."""

    cycle_id: str

    def __str__(self) -> str:
        return f"{self.entity_id} is the primary scenario of {self.cycle_id} already"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class HasNoCycle(Reason):
    """It belongs to no cycle."""

    def __str__(self) -> str:
        return f"{self.entity_id} belongs to no cycle"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CannotBeDeletedAlone(Reason):
    """It goes with what it is a part of."""

    def __str__(self) -> str:
        return f"{self.entity_id} cannot be deleted by itself"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class IsBeingEdited(Reason):
    """Somebody has locked the data node."""

    editor_id: str

    def __str__(self) -> str:
        return f"{self.entity_id} is being edited by {self.editor_id!r}"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WasNeverWritten(Reason):
    """The data node has no value, and no run is going to write one."""

    def __str__(self) -> str:
        return f"{self.entity_id} was never written"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class HasNoFile(Reason):
    """The data node has no file that others read or give."""

    def __str__(self) -> str:
        return f"{self.entity_id} has no file"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CannotBeSubmitted(Reason):
    """It is no scenario, no sequence and no task."""

    def __str__(self) -> str:
        return f"{self.entity_id} is no scenario, no sequence and no task"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CannotBeCreated(Reason):
    """It is no config of a scenario, nor of a data node; its id is what it is."""

    def __str__(self) -> str:
        return f"{self.entity_id} is no config of a scenario or of a data node"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class IsNotGlobal(Reason):
    """The data node is of a scenario, or of a cycle, with which it is created."""

    scope: str

    def __str__(self) -> str:
        return f"data node {self.entity_id!r} is not GLOBAL, but {self.scope}"


@attrs.frozen
class Reasons:
    """Why something cannot be done: true where nothing speaks against it."""

    all: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return not self.all

    def __iter__(self) -> Iterator[Reason]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def reasons(self) -> str:
        """All of them as one text; ``""`` where there are none."""
        return "; ".join(map(str, self.all))

    def __str__(self) -> str:
        return self.reasons
