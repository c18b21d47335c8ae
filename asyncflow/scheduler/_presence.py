"""The presence of an orchestrator: what others that share its store know of it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import attrs
from anyio import to_thread

from asyncflow.abc import Store
from asyncflow.records import OrchestratorRecord
from asyncflow.scheduler._peers import Peers
from asyncflow.scheduler._recover import new_record, own_ids
from asyncflow.scheduler._session import Session


@attrs.define(eq=False)
class Presence:
    """Registers an orchestrator, answers others for it, and takes its leave.

    Where the store is shared with nobody it does nothing of this.
    """

    store: Store
    own: OrchestratorRecord = attrs.field(init=False)
    """What the store knows of the orchestrator."""
    session: Session | None = attrs.field(init=False, default=None)
    """What it has opened; what is asked before is answered with nothing."""
    _stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        self.own = await to_thread.run_sync(new_record)

        if self.store.values_folder is None:
            return self

        async with AsyncExitStack() as stack:
            peers = Peers(self._wait, self._cancel)
            await stack.enter_async_context(peers)
            self.own = self.own._replace(address=peers.address)
            await self.store.register(self.own)
            own_ids.add(self.own.id)
            stack.push_async_callback(self._release)
            self._stack = stack.pop_all()

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _release(self) -> None:
        own_ids.discard(self.own.id)

        if self.session is not None:
            await self.session.release()

    async def _wait(self, submission_id: str) -> None:
        if self.session is not None:
            await self.session.wait_for_peer(submission_id)

    def _cancel(self, submission_id: str, reason: str) -> None:
        if self.session is not None:
            self.session.cancel_for_peer(submission_id, reason)
