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
        """Return True if this user may see a job of the user `owner`. A job that a user may not see is answered like
        one that does not exist, so that nobody can find out which ids exist."""
        return self.is_admin or owner == self.name


class Access(Protocol):
    """Finds out which user made a request.

    Attributes:
        cookie: the name of the session cookie that a login gives; empty where nobody needs to log in.
    """

    @property
    def cookie(self) -> str: ...

    async def identify(self, connection: HTTPConnection) -> User:
        """Return who asks. Raises moviola.web.problems.Problem where that is not known."""

    async def log_in(self, connection: HTTPConnection, token: str) -> tuple[User, str]:
        """Return the user of a token, and the value of the session cookie for it. Raises Problem for a wrong token."""


def is_of_own_page(connection: HTTPConnection) -> bool | None:
    """Return whether a page of this gateway made a request; None where nothing tells, as of programs.

    A browser tells by `Sec-Fetch-Site`, older ones by `Origin` alone; no page can change either.
    """
    headers = connection.headers
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")  # none: a person typed the address
    if origin := headers.get("origin"):
        try:
            return urlsplit(origin).netloc == headers.get("host", "")
        except ValueError:
            return False
    return None


def other_site() -> Problem:
    """Return the problem of a request that a page of another site made."""
    return Problem(403, "A page of another site made this request; that needs --users and a token", "other-site")


class OnlyUser:
    """The access of a gateway that only this machine reaches: whoever asks is the one user, who sees all jobs.

    A browser on this machine also asks for pages of others. So a request is refused that a page of another site makes
    (its `Origin` or `Sec-Fetch-Site` tells), or that was addressed to another host (a name of another site that leads
    to this machine).

    Args:
        name: of that user.
    """

    cookie: Final = ""

    def __init__(self, name: str) -> None:
        self._user = User(name, is_admin=True)

    async def identify(self, connection: HTTPConnection) -> User:
        """Return the one user there is. Raises Problem for requests that pages of other sites make."""
        host = connection.headers.get("host", "")
        if host and not is_loopback(_name_of(f"//{host}")):
            detail = f"This gateway is for its own machine and was asked as '{host}'; with --users it takes other names"
            raise Problem(403, detail, "other-host")
        if is_of_own_page(connection) is False and connection.scope["method"] not in SAFE:
            raise other_site()
        return self._user

    async def log_in(self, connection: HTTPConnection, token: str) -> tuple[User, str]:
        """Raise Problem: this gateway needs no login."""
        raise Problem(409, "This gateway asks nobody to log in: whoever reaches it is its one user", "no-login")


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Identification:
    """ASGI middleware that identifies the user of a request before its body is read. A request without a known user is
    passed on as well: paths that are for everybody answer it, and all others call `identity_of`, which raises.

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
