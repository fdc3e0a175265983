"""`/api/session`: a browser logs in with a token, and has a cookie instead; who it is; and it logs out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.json_texts import json_in
from moviola.base.mapped import Malformed, Mapped
from moviola.base.records import record
from moviola.web.access import IDENTITY, User, is_of_own_page, other_site
from moviola.web.gateway import Gateway, gateway_of
from moviola.web.problems import Problem
from moviola.web.sessions import SESSION_S

MAX_BODY: Final = 4096
"""Bytes of a login: a token has 63 characters."""

JSON: Final = "application/json"

NOT_KEPT: Final = {"Cache-Control": "no-store"}


@record
class Login(Mapped):
    """What somebody logs in with.

    Attributes:
        token: as `moviola web user add` printed it.
    """

    token: str


@record
class SessionTold(Mapped):
    """Who asks.

    Attributes:
        user: the name; empty where nobody is logged in.
        is_admin: sees and controls the jobs of all.
        needs_login: this gateway has users, and asks each for a token or a session.
    """

    user: str
    is_admin: bool
    needs_login: bool


async def show_session(request: Request) -> Response:
    """Return who asks, and whether this gateway asks for a login."""
    identity: User | Problem = request.scope[IDENTITY]
    if isinstance(identity, Problem) and identity.status != HTTPStatus.UNAUTHORIZED:
        raise identity
    return _told(gateway_of(request), None if isinstance(identity, Problem) else identity)


async def log_in(request: Request) -> Response:
    """Begin a session with a token: the answer brings a cookie that stands for it, and that no script can read."""
    if is_of_own_page(request) is False:
        raise other_site()
    gateway = gateway_of(request)
    login = await _login(gateway, request)
    user, value = await gateway.access.log_in(request, login.token)
    answer = _told(gateway, user)
    answer.set_cookie(
        gateway.access.cookie,
        value,
        max_age=SESSION_S,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer


async def log_out(request: Request) -> Response:
    """End the session of this browser. Whoever asks without one is answered the same."""
    if is_of_own_page(request) is False:
        raise other_site()
    gateway = gateway_of(request)
    answer = _told(gateway, None)
    if gateway.access.cookie:
        answer.delete_cookie(
            gateway.access.cookie, path="/", secure=_is_https(request), httponly=True, samesite="strict"
        )
    return answer


def _told(gateway: Gateway, user: User | None) -> Response:
    name, is_admin = ("", False) if user is None else (user.name, user.is_admin)
    told = SessionTold(name, is_admin, needs_login=bool(gateway.access.cookie))
    return JSONResponse(told.to_wire(), headers=NOT_KEPT)


async def _login(gateway: Gateway, request: Request) -> Login:
    """Return what the body says. Raises Problem where that is no login."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body of a login is {JSON}")
    body = b""
    try:
        async for piece in gateway.receiver.body(request):
            body += piece
            if len(body) > MAX_BODY:
                raise Problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A login has at most {MAX_BODY} bytes, and this has more"
                )
        return Login.from_wire(json_in(body))
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "The body ended before its end") from None
    except (Malformed, ValueError):
        detail = 'The body of a login is {"token": "TOKEN"}, and this is not'
        raise Problem(HTTPStatus.BAD_REQUEST, detail, "bad-login") from None


def _is_https(request: Request) -> bool:
    """Return True if the browser asks by https, be it a proxy before this gateway that answers it so."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


ROUTES: Final = (
    Route("/api/session", show_session, methods=["GET"]),
    Route("/api/session", log_in, methods=["POST"]),
    Route("/api/session", log_out, methods=["DELETE"]),
)
