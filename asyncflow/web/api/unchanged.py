"""`If-Match`: something is changed only as long as nobody else has changed it meanwhile."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
from anyio import Lock
from starlette.exceptions import HTTPException
from starlette.requests import Request

from asyncflow.web.api.operation import TEXT, Parameter

IF_MATCH = Parameter(
    "If-Match",
    TEXT,
    "the ETag that it had: it stays as it is where somebody has changed it meanwhile",
    "header",
)


@attrs.define(eq=False)
class _Turn:
    users: int = 0
    lock: Lock = attrs.field(init=False, factory=Lock)


@attrs.frozen(eq=False)
class Turns:
    """What is being changed: one change of each thing at a time."""

    _open: dict[str, _Turn] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def unchanged(
        self, request: Request, tag: Callable[[], Awaitable[str]]
    ) -> AsyncGenerator[None]:
        """Change what a request names, if it is as whoever asks has seen it.

        Others who ask here wait until this is left. On cancel nothing was changed yet.

        :param tag: returns its ETag as things are
        :raises HTTPException: where it has another one
        """
        key = request.path_params["id"]
        turn = self._open.setdefault(key, _Turn())
        turn.users += 1

        try:
            async with turn.lock:
                wanted = request.headers.get("if-match")

                if wanted is not None and wanted.strip() != "*":
                    known = re.findall(r'(?:W/)?"[^"]*"', wanted)

                    if (now := await tag()) not in known:
                        why = f"it has been changed: its ETag is {now} now"
                        raise HTTPException(412, why)

                yield
        finally:
            turn.users -= 1

            if not turn.users:
                del self._open[key]
