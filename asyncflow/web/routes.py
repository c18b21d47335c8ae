"""Who answers a request: found by its path and method, and else what is wrong with these."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from asyncflow.web.site import path_of, root_of

_OTHERS = Router()
"""Answers what is no request: that an app begins and ends, and web sockets."""


@attrs.frozen(eq=False)
class Routes:
    """The routes of an app, as an ASGI app."""

    routes: Sequence[Route]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered.

        :raises HTTPException: where nothing is there, or it takes no such method
        """
        if scope["type"] != "http":
            await _OTHERS(scope, receive, send)
            return

        if (found := self._found(scope)) is not None:
            await found.handle(scope, receive, send)
            return

        response = self._elsewhere(Request(scope))
        await response(scope, receive, send)

    def _found(self, scope: Scope) -> Route | None:
        for route in self.routes:
            match, parts = route.matches(scope)

            if match is Match.FULL:
                scope.update(parts)
                return route

        return None

    def _elsewhere(self, request: Request) -> Response:
        """Tell what else there is.

        :raises HTTPException: where that is no answer
        """
        path = path_of(request.scope)

        if methods := self._methods(request.scope):
            headers = {"allow": ", ".join(sorted(methods))}

            if request.method == "OPTIONS":
                return Response(headers=headers)

            problem = f"{path} takes {headers['allow']}, not {request.method}"
            raise HTTPException(405, problem, headers)

        bare = path.strip("/")
        whole = {**request.scope, "path": request.scope["path"][:-1]}

        if path == f"/{bare}/" and self._methods(whole):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{root_of(request)}{bare}{query}", 307)

        hint = ": see api/openapi.json" if path.startswith("/api") else ""
        raise HTTPException(404, f"there is nothing at {path}{hint}")

    def _methods(self, scope: Scope) -> set[str]:
        """Return the methods that a path takes."""
        routes = [
            route for route in self.routes if route.matches(scope)[0] is not Match.NONE
        ]
        return {method for route in routes for method in route.methods or ()}
