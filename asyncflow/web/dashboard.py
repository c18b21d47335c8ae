"""The app that is mounted: its routes, its guard, its headers and its errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

import attrs
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asyncflow.acting import acting_as
from asyncflow.config.checks.arguments import check_text
from asyncflow.display.characters import printable
from asyncflow.errors import AsyncflowError, NotFound, UsageError
from asyncflow.log import logger
from asyncflow.orchestrator import Orchestrator
from asyncflow.web.access import COOKIE, Guard, Hook, Refusal, check_hook, user_of
from asyncflow.web.answers import Json
from asyncflow.web.api.routes import Api
from asyncflow.web.forms import form
from asyncflow.web.pages.data_node import DataNodePage
from asyncflow.web.pages.job import JobPage
from asyncflow.web.pages.run import RunPage
from asyncflow.web.pages.runs import RunsPage
from asyncflow.web.pages.scenario import ScenarioPage
from asyncflow.web.pages.scenarios import ScenariosPage
from asyncflow.web.pages.system import SystemPage
from asyncflow.web.routes import Routes
from asyncflow.web.site import STATIC, Site, path_of, seen

PAGES = (
    RunsPage,
    RunPage,
    JobPage,
    ScenariosPage,
    ScenarioPage,
    DataNodePage,
    SystemPage,
    Api,
)

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'self'; base-uri 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

_BARE = {"content-encoding": "identity"}
"""Of answers without a body: middleware may make one by compressing nothing."""

SAFE = ("GET", "HEAD", "OPTIONS")
"""What changes nothing."""

_HOOK = "a function of a request that returns Access.ALL, Access.READ or Access.DENY"
_FINDS = "an asyncflow.Orchestrator, or a function of a request that returns one"

_OPEN = ("/static/", "/sign-in")
"""What everybody may have: it shows nothing of any run."""


def dashboard(
    orchestrator: Orchestrator | Callable[[Request], Orchestrator],
    *,
    access: Hook | None = None,
    token: str | None = None,
    title: str = "asyncflow",
) -> ASGIApp:
    """Return the app with the pages and the API of an orchestrator.

    ``app.mount("/flows", dashboard(orchestrator, access=hook))``. Neither opens nor
    closes the orchestrator. Without `access` and `token` only who is on this machine is
    let in.

    :param orchestrator: it, or a function that returns it for a request, as
        ``lambda request: request.app.state.orchestrator``
    :param access: is given a request, and returns what that may do: `Access.ALL`,
        `Access.READ` or `Access.DENY`; it may be ``async def``
    :param token: what scripts send as ``Authorization: Bearer``, and what people sign in
        with; with it everything may be done
    :param title: what the pages are called
    :raises ValueError: where the token is empty
    :raises TypeError: where something is of another kind
    """
    check_text("token", token, optional=True)
    check_text("title", title)

    if token is not None and not token.strip():
        raise ValueError("the token is empty: everybody would have it")

    if access is not None:
        check_hook("access", access, _HOOK)

    if not isinstance(orchestrator, Orchestrator):
        check_hook("orchestrator", orchestrator, _FINDS)

    find = orchestrator if not isinstance(orchestrator, Orchestrator) else None
    site = Site(
        find or (lambda _request: orchestrator),  # type: ignore[arg-type,return-value]  # as `find` is None
        title,
        has_token=token is not None,
    )
    return Dashboard(site, Guard(access, token))


@attrs.define(eq=False)
class Dashboard:
    """The pages behind their guard, as an ASGI app."""

    site: Site
    guard: Guard
    _app: ASGIApp = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        routes = [
            Route("/static/{name}", _static),
            Route("/sign-in", self.ask),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

        for page in PAGES:
            routes += page(self.site).routes

        # No app: ``request.app`` stays the one that it is mounted in.
        self._app = ExceptionMiddleware(
            Routes(routes),
            handlers={
                AsyncflowError: self.failed,
                ValueError: self.failed,
                TypeError: self.failed,
                HTTPException: self.refused,
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, if it may be answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = {name for name, _ in message["headers"]}
                bare = _BARE if message["status"] in (204, 304) else {}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), text.encode())
                        for name, text in {**_HEADERS, **bare}.items()
                        if name.encode() not in sent
                    ),
                ]

            await send(message)

        request = Request(scope, receive)
        refusal = await self._refusal(request)

        if refusal is not None:
            response = self._told(request, refusal.status, refusal.why)
            await response(scope, receive, answer)
        elif request.method in SAFE:
            await self._app(scope, receive, answer)
        else:
            user = user_of(request)

            with acting_as(user):
                await self._app(scope, receive, answer)

            logger.log(
                logging.INFO,
                "%s %s, asked for by %s",
                request.method,
                printable(path_of(request.scope)),
                printable(user),
            )

    async def _refusal(self, request: Request) -> Refusal | None:
        if path_of(request.scope).startswith(_OPEN):
            return None

        access = await self.guard.access(request)

        if isinstance(access, Refusal):
            return access

        request.state.access = access

        if request.method in SAFE:
            return None

        return self.guard.refusal(request, access)

    async def ask(self, request: Request) -> Response:
        """Show the form that asks for the token."""
        return self.site.page(request, "sign_in", notice="")

    async def sign_in(self, request: Request) -> Response:
        """Remember in the browser that the token was given."""
        given = (await form(request)).get("token", "").strip()

        if not self.guard.matches(given):
            return self.site.page(
                request, "sign_in", status_code=401, notice="that is not the token"
            )

        response = seen(request, "")
        response.set_cookie(
            COOKIE,
            given,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """Forget it."""
        response = seen(request, "sign-in")
        response.delete_cookie(COOKIE)
        return response

    async def failed(self, request: Request, error: Exception) -> Response:
        """Say what could not be done, and why."""
        if isinstance(error, NotFound):
            return self._told(request, 404, str(error))

        if not isinstance(error, AsyncflowError | UsageError):
            logger.warning("%s %s: %r", request.method, request.url.path, error)

        return self._told(request, 409, str(error) or type(error).__name__)

    async def refused(self, request: Request, error: Exception) -> Response:
        """Say why a request cannot be answered."""
        assert isinstance(error, HTTPException)
        response = self._told(request, error.status_code, error.detail)
        response.headers.update(error.headers or {})
        return response

    def _told(self, request: Request, status: int, why: str) -> Response:
        response = self._error(request, status, why)

        if status == 401:
            response.headers["www-authenticate"] = "Bearer"

        return response

    def _error(self, request: Request, status: int, why: str) -> Response:
        is_page = "text/html" in request.headers.get("accept", "")

        if not is_page or path_of(request.scope).startswith("/api/"):
            return Json({"error": why}, status)

        return self.site.page(
            request,
            "refused",
            status_code=status,
            status=status,
            phrase=HTTPStatus(status).phrase,
            why=why,
            notice="",
        )


async def _static(request: Request) -> Response:
    """Return a style sheet, or the script."""
    name = request.path_params["name"]

    if name not in STATIC:
        raise HTTPException(404)

    kind = "text/javascript" if name.endswith(".js") else "text/css"
    return Response(STATIC[name], media_type=kind)
