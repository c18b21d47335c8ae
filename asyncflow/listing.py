"""What an orchestrator finds in its store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from asyncflow import ids
from asyncflow.config.checks.values import one_of
from asyncflow.errors import NotFound
from asyncflow.status import Status, SubmissionStatus

if TYPE_CHECKING:
    from asyncflow.entities.job import Job
    from asyncflow.entities.scenario import Scenario
    from asyncflow.entities.submission import Submission
    from asyncflow.records import JobRecord, ScenarioRecord, SubmissionRecord
    from asyncflow.recovery.loader import Entity
    from asyncflow.runtime.engine import Engine


class Listing(ABC):
    """The verbs that list, or find by an id; an `Orchestrator` has them."""

    __slots__ = ()

    @abstractmethod
    def _opened(self) -> Engine:
        """Return what is open."""

    @abstractmethod
    async def get(self, entity_id: str) -> Entity:
        """Return an entity, of whatever kind."""

    async def get_scenario(self, scenario_id: str) -> Scenario:
        """Return the scenario of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no scenario with this id
        """
        entity: Scenario = await self._get(scenario_id, ids.SCENARIO)  # type: ignore[assignment]  # by its id
        return entity

    async def get_submission(self, submission_id: str) -> Submission:
        """Return the submission of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no submission with this id
        """
        entity: Submission = await self._get(submission_id, ids.SUBMISSION)  # type: ignore[assignment]  # by its id
        return entity

    async def get_job(self, job_id: str) -> Job:
        """Return the job of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no job with this id
        """
        entity: Job = await self._get(job_id, ids.JOB)  # type: ignore[assignment]  # by its id
        return entity

    async def _get(self, entity_id: str, kind: str) -> Entity:
        if ids.kind_of(entity_id) != kind:
            raise NotFound(entity_id)

        return await self.get(entity_id)

    async def scenarios(
        self,
        *,
        config_id: str | None = None,
        name: str | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ScenarioRecord]:
        """List scenarios by their creation date, those of other processes included.

        ``await get(record.id)`` gives the scenario.

        :param created_from: the first creation date, aware; None for any
        :param created_to: the creation date before which they were made, aware
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        """
        return await self._opened().store.scenarios(
            config_id=config_id,
            name=name,
            created_from=created_from.timestamp() if created_from else None,
            created_to=created_to.timestamp() if created_to else None,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        scenario_id: str | None = None,
        status: str | None = None,
        is_finished: bool | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[SubmissionRecord]:
        """List submissions in their order, those of other processes included.

        ``await get(record.id)`` gives the handle. A submission that has not ended has
        the status that it had when the store was last told.

        :param status: ``"COMPLETED"``, ``"FAILED"``, ...
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        :raises ValueError: where there is no such status
        """
        return await self._opened().store.submissions(
            entity_id=entity_id,
            scenario_id=scenario_id,
            status=_known(status, SubmissionStatus),
            is_finished=is_finished,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        task_id: str | None = None,
        status: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[JobRecord]:
        """List jobs: those that ended, those that have been running for a second, and
        after them those that this orchestrator has still to run, or runs.

        What all jobs do of a run of another process is told by its handle:
        ``(await get(submission_id)).jobs``.

        :param status: ``"COMPLETED"``, ``"FAILED"``, ...
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        :raises ValueError: where there is no such status
        """
        known = _known(status, Status)
        return await self._opened().jobs(
            {"submission_id": submission_id, "task_id": task_id, "status": known},
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )


def _known(status: str | None, kind: type[StrEnum]) -> str | None:
    """Refuse a status that there is not."""
    if status is None or status in (known := [*kind]):
        return status

    texts = [str(one) for one in known]
    raise ValueError(f"there is no status {status!r}: {one_of(status, texts)}")
