"""The configs that scenarios can be made of, over the API."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.web.api.operation import Answered, Asked, Operation, answer, listed
from asyncflow.web.api.schemas import CONFIG, config
from asyncflow.web.site import Site


@attrs.frozen(eq=False)
class Configs:
    """Operations on configs."""

    site: Site

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [
            (
                Operation(
                    method="GET",
                    path="/configs",
                    name="list_configs",
                    what="List the configs of scenarios, with the inputs that they read.",
                    answers={200: listed(CONFIG)},
                ),
                self.many,
            )
        ]

    async def many(self, request: Request, _asked: Asked) -> Response:
        """List configs."""
        found = self.site.find(request).config.scenarios
        return answer(request, [config(found[name]) for name in sorted(found)])
