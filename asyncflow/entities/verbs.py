"""What handles ask of the orchestrator that made them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from asyncflow.entities.data_node import DataNode, Edit
    from asyncflow.entities.job import Job
    from asyncflow.entities.planned import PlannedJob
    from asyncflow.entities.scenario import Scenario
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.submittable import Submittable
    from asyncflow.worker.streams import Stream

OnFailure = Literal["continue", "stop"]


class Verbs(Protocol):
    """The verbs behind the handles' methods."""

    def submit(
        self,
        entity: Submittable,
        *,
        timeout: float | None,
        run_timeout: float | None,
        priority: float,
        force: bool,
        on_failure: OnFailure,
        idempotency_key: str | None,
        callbacks: Iterable[Callable[[Job], object]],
        properties: Mapping[str, Any],
    ) -> Submission: ...

    def plan(self, entity: Submittable, *, force: bool) -> tuple[PlannedJob, ...]: ...

    def retry_failed(self, submission: Submission) -> Submission: ...

    def cancel(self, what: Submission | Job, *, reason: str | None) -> bool: ...

    async def accepted(self, submission: Submission) -> None: ...

    async def flush(self) -> None: ...

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None: ...

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None: ...

    def will_be_written(self, node: DataNode) -> bool: ...

    async def read(self, node: DataNode, version: int | None) -> Any: ...

    async def read_together(self, nodes: Sequence[DataNode]) -> tuple[Any, ...]: ...

    async def read_own(self, submission: Submission, name: str) -> Any: ...

    async def edit_own(self, submission: Submission, name: str) -> Edit: ...

    async def write(
        self, node: DataNode, value: object, *, editor_id: str | None, comment: str
    ) -> None: ...

    async def edits(self, node: DataNode) -> tuple[Edit, ...]: ...

    async def lock(
        self, node: DataNode, editor_id: str, timeout: float | None
    ) -> None: ...

    async def unlock(self, node: DataNode, editor_id: str | None) -> None: ...

    async def output(self, job: Job, stream: Stream | None) -> str: ...

    def follow(self, job: Job) -> AsyncIterator[str]: ...
