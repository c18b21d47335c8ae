"""What an orchestrator lists from its store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncflow.records import JobRecord, ScenarioRecord, SubmissionRecord
    from asyncflow.scheduler._session import Session


class Listing(ABC):
    """The verbs that list; an `Orchestrator` has them."""

    __slots__ = ()

    @abstractmethod
    def _opened(self) -> Session:
        """Return what is open."""

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
        """
        return await self._opened().store.submissions(
            entity_id=entity_id,
            scenario_id=scenario_id,
            status=status,
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
        """List jobs that ended, and those that have been running for a second.

        :param status: ``"COMPLETED"``, ``"FAILED"``, ...
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        """
        return await self._opened().store.jobs(
            submission_id=submission_id,
            task_id=task_id,
            status=status,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )
