"""Who may see and do what: the hook of the app, a token, or only who is on this machine."""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Awaitable, Callable
from enum import StrEnum
from hmac import compare_digest
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs
from starlette.requests import Request

from asyncflow.config.converters import refusal, signature_of

COOKIE = "asyncflow-token"


class Access(StrEnum):
    """What who sends a request may do."""

    ALL = "ALL"
    """See and change everything."""
    READ = "READ"
    """See everything."""
    DENY = "DENY"


Hook: TypeAlias = Callable[[Request], Access | Awaitable[Access]]

_SIGN_IN = "a token is asked for: send it as `Authorization: Bearer TOKEN`, or sign in on the page"
_LOCAL = (
    "only who is on this machine is let in: give dashboard() an access= hook that tells "
    "who others are, or a token="
)
_REFUSED = "the access hook of this app lets you in nowhere here"
_READER = "you may look, and change nothing"
_FOREIGN = (
    "a change was asked for by another site: send it from a page of this one. Behind a "
    "proxy, have that pass on the Host header"
)


@attrs.frozen
class Refusal:
    """Why a request is not answered."""

    status: int
    why: str


@attrs.frozen(eq=False)
class Guard:
    """Decides on each request.

    :param hook: the app's; None for none
    :param token: what scripts send; None for none
    """

    hook: Hook | None
    token: str | None

    async def access(self, request: Request) -> Access | Refusal:
        """Tell what a request may do."""
        if self.token is not None and self._has_token(request):
            return Access.ALL

        if self.hook is not None:
            found = self.hook(request)
            access = _checked(await found if inspect.isawaitable(found) else found)
            return Refusal(403, _REFUSED) if access is Access.DENY else access

        if self.token is not None:
            return Refusal(401, _SIGN_IN)

        return Access.ALL if _is_local(request) else Refusal(403, _LOCAL)

    def refusal(self, request: Request, access: Access) -> Refusal | None:
        """Tell why a request that changes something is refused; None where it is not."""
        if access is not Access.ALL:
            return Refusal(403, _READER)

        return None if _is_own(request) else Refusal(403, _FOREIGN)

    def _has_token(self, request: Request) -> bool:
        assert self.token is not None
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")
        return self.matches(given.strip())

    def matches(self, given: str) -> bool:
        """Tell whether a text is the token, in a time that does not depend on the text."""
        return self.token is not None and compare_digest(
            given.encode(), self.token.encode()
        )


def _checked(found: object) -> Access:
    """Return what a hook has returned.

    :raises ValueError: where it is none of what may be done
    """
    if isinstance(found, str) and found in [*Access]:
        return Access(found)

    raise ValueError(
        f"access returns Access.ALL, Access.READ or Access.DENY; got {found!r:.100}"
    )


def check_hook(name: str, hook: object, what: str) -> None:
    """Refuse what cannot be called with a request.

    :param what: what is to be given
    """
    if not callable(hook):
        raise TypeError(f"{name} is {what}; got {hook!r:.100}")

    signature = signature_of(hook)

    if refusal(signature, 1):
        raise TypeError(
            f"{name} is called with a request alone, and takes {signature}: give {what}"
        )


def user_of(request: Request) -> str:
    """Return the name of who sends a request, as the app's middleware tells it.

    That is ``request.state.user``, or what Starlette's authentication has found; ``web``
    where nobody tells.
    """
    user = getattr(request.state, "user", None) or request.scope.get("user")
    name = user if isinstance(user, str) else getattr(user, "display_name", "")
    return str(name or "web")[:200]


def cancelled_by(request: Request, reason: str = "") -> str:
    """Return the reason of a cancel: who asks for it, and why."""
    by = f"cancelled by {user_of(request)}"
    return f"{by}: {reason}" if reason else by


def _is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine, to a name of this machine.

    What a proxy passes on comes from elsewhere, and who names another host may be a page
    of another site, whose name leads here.
    """
    if any(name in request.headers for name in ("x-forwarded-for", "forwarded")):
        return False

    client = request.client
    return client is not None and _is_loopback(client.host) and _is_own_name(request)


def _is_own_name(request: Request) -> bool:
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_own(request: Request) -> bool:
    """Tell whether no page of another site has sent a request: browsers say so."""
    site = request.headers.get("sec-fetch-site")

    if site is not None:
        return site in ("same-origin", "none")

    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
