"""The routes of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.web.api.configs import Configs
from asyncflow.web.api.cycles import Cycles
from asyncflow.web.api.data_nodes import DataNodes
from asyncflow.web.api.document import document
from asyncflow.web.api.jobs import Jobs
from asyncflow.web.api.operation import Answered, Asked, Operation, answer
from asyncflow.web.api.scenarios import Scenarios
from asyncflow.web.api.submissions import Submissions
from asyncflow.web.api.system import System
from asyncflow.web.api.unchanged import IF_MATCH
from asyncflow.web.site import Site


@attrs.frozen(eq=False)
class Api:
    """All operations, and the document that tells of them."""

    site: Site

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for, and what does it."""
        nouns = (Configs, Scenarios, Submissions, Jobs, DataNodes, Cycles, System)
        return [answered for noun in nouns for answered in noun(self.site).operations]

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/api/openapi.json", self.document),
            *(
                Route(
                    f"/api{operation.path}",
                    _endpoint(operation, run),
                    methods=[operation.method],
                    name=operation.name,
                )
                for operation, run in self.operations
            ),
        ]

    async def document(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        operations = [operation for operation, _ in self.operations]
        return answer(request, document(operations, self.site.title))


def _endpoint(
    operation: Operation, run: Callable[[Request, Asked], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    may_be_held = operation.method == "GET" or IF_MATCH in operation.parameters

    async def endpoint(request: Request) -> Response:
        if "if-match" in request.headers and not may_be_held:
            raise HTTPException(412, "this does not hold to an If-Match: send none")

        return await run(request, await Asked.of(operation, request))

    return endpoint
