"""Jobs that dead orchestrators have left in a cluster, and that go on for this one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
from anyio import create_task_group, fail_after

from asyncflow.abc import Call
from asyncflow.executors.dask import left
from asyncflow.executors.dask.connect import PATIENCE
from asyncflow.executors.dask.plugin import PREFIX
from asyncflow.executors.dask.seats import Member
from asyncflow.log import logger as _logger

if TYPE_CHECKING:
    from distributed import Client


_UNKNOWN = "what a dead program has left on %s is not known: %r"
_SILENT = (
    "%s does not answer, and a dead program may have left jobs there: this one waits until "
    "it answers, or the scheduler takes it for dead (%r)"
)


class Held(NamedTuple):
    """A job that was started for a dead orchestrator.

    :param member: where it runs, or has run
    """

    job_id: str
    attempt: int
    member: Member


@attrs.define(eq=False, repr=False)
class Adoption:
    """What an orchestrator takes over.

    :param own_id: its id
    """

    own_id: str
    _held: dict[str, Held] = attrs.field(init=False, factory=dict)
    """By the ids of the jobs, until they are asked for."""
    _attached: dict[str, Member] = attrs.field(init=False, factory=dict)
    """Where those are, or were, that were asked for, until they are forgotten."""

    async def take_over(
        self, client: Client, members: Sequence[Member], dead_id: str
    ) -> dict[str, int]:
        """See `Executor.take_over`.

        :param members: all Dask workers
        """
        ids: dict[str, Any] = {"dead_id": dead_id, "heir_id": self.own_id}
        found = await _ask_all(client, members, left.take_over, until_gone=True, **ids)
        taken: dict[str, int] = {}

        for member in members:
            for job_id, attempt in found.get(member.address, {}).items():
                if attempt > taken.get(job_id, 0):
                    taken[job_id] = attempt
                    self._held[job_id] = Held(job_id, attempt, member)

        with suppress(Exception):  # it is not there, or was taken over
            await client.unregister_worker_plugin(name=PREFIX + dead_id)

        return taken

    async def let_go(
        self,
        client: Client,
        members: Sequence[Member],
        dead_id: str,
        job_ids: Collection[str],
    ) -> None:
        """See `Executor.let_go`."""
        for job_id in job_ids:
            self._held.pop(job_id, None)

        await _ask_all(
            client, members, left.release, owner_id=dead_id, job_ids=[*job_ids]
        )

    def take(self, calls: Sequence[Call]) -> Held | None:
        """Return where the first of some calls runs that does already."""
        for call in calls if self._held else ():
            if (held := self._held.pop(call.job_id, None)) is None:
                continue

            self._attached[call.job_id] = held.member

            if held.attempt >= call.attempt:
                return held

        return None

    async def attach(
        self, client: Client, member: Member, call: Call, *, topic: str, trip: int
    ) -> bool | None:
        """Hear of a call that runs already; return whether it does, None where its worker
        does not answer.
        """
        where: dict[str, Any] = {"heir_id": self.own_id, "topic": topic, "trip": trip}
        found = await _ask_all(
            client, [member], left.attach, job_id=call.job_id, **where
        )
        return found.get(member.address)

    async def end(
        self, client: Client, member: Member, call: Call, *, now: bool
    ) -> None:
        """Ask for the end of a call that was attached."""
        facts: dict[str, Any] = {
            "heir_id": self.own_id,
            "job_id": call.job_id,
            "now": now,
        }
        await _ask_all(client, [member], left.end, **facts)

    async def release(self, client: Client, member: Member, call: Call) -> None:
        """Have a call forgotten that was attached."""
        self._attached.pop(call.job_id, None)
        facts: dict[str, Any] = {"owner_id": self.own_id, "job_ids": [call.job_id]}
        await _ask_all(client, [member], left.release, **facts)

    async def close(self, client: Client) -> None:
        """End, and have forgotten, what was taken over and still is there."""
        held = {held.job_id: held.member for held in self._held.values()}
        members = {**held, **self._attached}
        facts: dict[str, Any] = {"owner_id": self.own_id, "job_ids": [*members]}
        await _ask_all(client, {*members.values()}, left.release, **facts)


async def _ask_all(
    client: Client,
    members: Iterable[Member],
    function: Callable[..., Any],
    *,
    until_gone: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """Call a function in Dask workers; return what came of it, by their addresses.

    One that does not answer is left out, with a warning.

    :param until_gone: ask one that is silent again, until it answers or has gone
    """
    found: dict[str, Any] = {}

    async def ask(member: Member) -> None:
        is_told = False

        while not member.is_gone:
            try:
                with fail_after(PATIENCE):
                    there = client.run(function, workers=[member.address], **arguments)
                    found.update(await there)
                    return
            except Exception as error:
                goes_on = until_gone and isinstance(error, TimeoutError)

                if not is_told:
                    problem = _SILENT if goes_on else _UNKNOWN
                    _logger.warning(problem, member.address, error)

                if not goes_on:
                    return

                is_told = True

    async with create_task_group() as group:
        for member in members:
            group.start_soon(ask, member)

    return found
