"""Inputs and outputs: what a run reads, and what it has written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.entities.handle import Handle
from asyncflow.entities.submittable import verbs_of

if TYPE_CHECKING:
    from asyncflow.entities.data_node import DataNode, Edit
    from asyncflow.entities.job import Job
    from asyncflow.entities.submission import Submission


@attrs.frozen(kw_only=True, repr=False)
class Output(Handle):
    """What a job of a run has written, whatever others have written since."""

    data_node: DataNode
    """Where: a read of it gives the value of now."""
    job: Job
    """The job that has written it, or was skipped as it is as good as new."""

    async def read(self) -> Any:
        """Read the value that the run has written; see `Submission.read`."""
        return await self.job.submission.read(self.data_node.config_id)

    async def edit(self) -> Edit:
        """Return the write: the number of its version, and whether that is kept.

        :raises NoData: where nothing is known of it any more
        """
        submission = self.job.submission
        return await verbs_of(submission.entity).edit_own(
            submission, self.data_node.config_id
        )

    def __repr__(self) -> str:
        return f"<Output {self.data_node.config_id} of {self.job.id}>"


@attrs.frozen(kw_only=True, repr=False)
class Input(Handle):
    """What a run reads of a data node that it does not write, whatever others write."""

    data_node: DataNode
    """Where: a read of it gives the value of now."""
    submission: Submission
    """The run."""
    is_given: bool
    """Whether ``submit`` was given the value."""

    async def read(self) -> Any:
        """Read the value that the run reads; see `Submission.read`."""
        return await self.submission.read(self.data_node.config_id)

    def __repr__(self) -> str:
        return f"<Input {self.data_node.config_id} of {self.submission.id}>"
