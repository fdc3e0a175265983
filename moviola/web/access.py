"""Who asks: the user of a request, for whom the gateway speaks to the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from moviola.web.problems import Problem
from moviola.wire.addresses import is_loopback

IDENTITY: Final = "moviola.identity"
"""The key in a request's scope under which its user is, or the problem of one whose user is not known."""

SAFE: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110, 9.2.1)."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who asks.

    Attributes:
        name: whose jobs are submitted, seen and controlled; the middleware gets it as the user of its Hello.
        is_admin: sees and controls the jobs of all.
    """

    name: str
    is_admin: bool = False

    def may_see(self, owner: str) -> bool:
        """Return True if a job of the user `owner` is shown to this one. To all others it is answered as a job that
        does not exist: an id that is right must not be told from one that is not."""
        return self.is_admin or owner == self.name


class Access(Protocol):
    """How a request is told to be somebody's."""

    async def identify(self, connection: HTTPConnection) -> User:
        """Return who asks. Raises moviola.web.problems.Problem where that is not known."""


class OnlyUser:
    """The access of a gateway that only this machine reaches: whoever asks is the one user, who sees all jobs.

    A browser on this machine also asks for pages of others. So a request is refused that a page of another site makes
    (its `Origin` or `Sec-Fetch-Site` tells), or that was addressed to another host (a name of another site that leads
    to this machine).

    Args:
        name: of that user.
    """

    def __init__(self, name: str) -> None:
        self._user = User(name, is_admin=True)

    async def identify(self, connection: HTTPConnection) -> User:
        """Return the one user there is. Raises Problem for requests that pages of other sites make."""
        headers = connection.headers
        host = headers.get("host", "")
        if host and not is_loopback(_name_of(f"//{host}")):
            detail = f"This gateway is for its own machine and was asked as '{host}'; with --users it takes other names"
            raise Problem(403, detail, "other-host")
        origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "")
        is_other = (origin and urlsplit(origin).netloc != host) or site in ("cross-site", "same-site")
        if is_other and connection.scope["method"] not in SAFE:
            raise Problem(
                403, "A page of another site made this request; with --users and a token it may", "other-site"
            )
        return self._user


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Identification:
    """Middleware that finds out who asks before anything of the body is read. A request whose user is not known goes
    on: paths that are for everybody answer it, and all others raise the problem by `identity_of`.

    Args:
        app: the application.
        access: tells who asks.
    """

    def __init__(self, app: Application, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                scope[IDENTITY] = await self._access.identify(HTTPConnection(scope))
            except Problem as problem:
                scope[IDENTITY] = problem
        await self._app(scope, receive, send)


def identity_of(connection: HTTPConnection) -> User:
    """Return who asks. Raises Problem where that is not known."""
    identity: User | Problem = connection.scope[IDENTITY]
    if isinstance(identity, Problem):
        raise identity
    return identity


def _name_of(url: str) -> str:
    """Return the host's name in a URL; empty where there is none that can be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
