"""The application: the routes of all modules, and what requests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from moviola.web import (
    cluster,
    comparisons,
    files,
    health,
    jobs,
    login,
    measuring,
    page,
    playing,
    preflights,
    previews,
    reports,
    sendable,
    site,
    streams,
    uploads,
)
from moviola.web.access import Identification
from moviola.web.gateway import Gateway
from moviola.web.measuring import Measured
from moviola.web.openapi import document
from moviola.web.operations import OPERATIONS, PLACES, TAGS
from moviola.web.problems import HANDLERS
from moviola.web.webhooks import webhooks

TABLES: Final[tuple[Sequence[BaseRoute], ...]] = (
    health.ROUTES,
    jobs.ROUTES,
    uploads.ROUTES,
    preflights.ROUTES,
    previews.ROUTES,
    sendable.ROUTES,
    files.ROUTES,
    playing.ROUTES,
    reports.ROUTES,
    streams.ROUTES,
    comparisons.ROUTES,
    cluster.ROUTES,
    measuring.ROUTES,
    login.ROUTES,
    page.ROUTES,
    site.ROUTES,
)
"""The routes of each module. To add some, add a table here."""


def make_app(gateway: Gateway, tables: Sequence[Sequence[BaseRoute]] = TABLES) -> Starlette:
    """Return the application of a gateway.

    Args:
        gateway: what its requests share.
        tables: the routes, a sequence a module.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            async with webhooks(gateway.hooks, lambda: gateway.mirrors.feed_of(gateway.target.user), gateway.metrics):
                yield
        finally:
            await gateway.arriving.wait_until_empty()
            await gateway.close()

    routes = [route for table in tables for route in table]
    app = Starlette(
        routes=routes,
        exception_handlers=HANDLERS,
        middleware=[
            Middleware(Measured, metrics=gateway.metrics),
            Middleware(Identification, access=gateway.access),
        ],
        lifespan=lifespan,
    )
    app.state.gateway = gateway
    app.state.document = document(routes, OPERATIONS, TAGS, PLACES)
    return app
