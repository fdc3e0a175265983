"""Metrics over HTTP: the route that tells them, and the middleware of the application that counts requests."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.web.access import Application, Receive, Scope, Send
from moviola.web.gateway import gateway_of, user_of
from moviola.web.metrics import Metrics
from moviola.wire.errors import WireError


async def metrics(request: Request) -> Response:
    """Return what Prometheus reads: of the cluster, as it was in the last second, and of this gateway. While the
    middleware does not answer, `moviola_up` is 0 and all of the cluster is left out."""
    user_of(request)
    gateway = gateway_of(request)
    try:
        seen = await gateway.overview.answer()
    except (WireError, TimeoutError):
        seen = None
    text, media_type = gateway.metrics.text(seen, request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


class Measured:
    """Counts requests when the heads of their answers are sent.

    Args:
        app: the application.
        metrics: takes the counts.
    """

    def __init__(self, app: Application, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        clock = asyncio.get_running_loop().time
        begun_at, is_counted = clock(), False

        def count(status: int) -> None:
            nonlocal is_counted
            path = getattr(scope.get("route"), "path", "")
            self._metrics.answered(scope["method"], path, status, clock() - begun_at)
            is_counted = True

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            return await self._app(scope, receive, counted)
        except Exception:
            if not is_counted:
                count(HTTPStatus.INTERNAL_SERVER_ERROR)  # which is answered outside of all middleware
            raise


ROUTES: Final = (Route("/metrics", metrics, methods=["GET"]),)
