"""Cycles, over the API."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.web.api.operation import (
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
)
from asyncflow.web.api.schemas import CYCLE
from asyncflow.web.site import Site


@attrs.frozen(eq=False)
class Cycles:
    """Operations on cycles."""

    site: Site

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [
            (
                Operation(
                    method="GET",
                    path="/cycles",
                    name="list_cycles",
                    what="List cycles.",
                    parameters=(
                        Parameter("frequency", TEXT, "the frequency that they have"),
                        *PAGE,
                    ),
                    answers={200: listed(CYCLE)},
                ),
                self.many,
            )
        ]

    async def many(self, request: Request, asked: Asked) -> Response:
        """List cycles."""
        found = await self.site.find(request).cycles(
            frequency=asked.query.get("frequency"), **asked.page
        )
        return answer(request, [record.as_dict() for record in found])
