"""The routes of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.web.api.cycles import Cycles
from asyncflow.web.api.data_nodes import DataNodes
from asyncflow.web.api.document import document
from asyncflow.web.api.jobs import Jobs
from asyncflow.web.api.operation import Operation, answer
from asyncflow.web.api.scenarios import Scenarios
from asyncflow.web.api.submissions import Submissions
from asyncflow.web.site import Site


@attrs.frozen(eq=False)
class Api:
    """All operations, and the document that tells of them."""

    site: Site

    @property
    def operations(self) -> list[Operation]:
        """What can be asked for."""
        nouns = (Scenarios, Submissions, Jobs, DataNodes, Cycles)
        return [operation for noun in nouns for operation in noun(self.site).operations]

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/api/openapi.json", self.document),
            *(
                Route(
                    f"/api{operation.path}",
                    _endpoint(operation),
                    methods=[operation.method],
                    name=operation.name,
                )
                for operation in self.operations
            ),
        ]

    async def document(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return answer(request, document(self.operations, self.site.title))


def _endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await operation(request)

    return endpoint
