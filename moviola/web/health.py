"""`/api/health`: whether the gateway lives, and whether a cluster answers it. Asks for no token."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.web.gateway import Gateway, gateway_of
from moviola.web.problems import away
from moviola.wire.errors import WireError


@record
class Health(Mapped):
    """How a gateway is.

    Attributes:
        live: it answers; a process that does not is to be started again.
        ready: a cluster answers it: jobs can be sent and asked for.
    """

    live: bool
    ready: bool


async def health(request: Request) -> Response:
    """Tell whoever watches over the gateway how it is, by 200 whatever that is."""
    return JSONResponse(Health(live=True, ready=await _is_ready(gateway_of(request))).to_wire())


async def ready(request: Request) -> Response:
    """Tell whoever hands requests out to several gateways whether this one can take some: 503 while no cluster answers
    it."""
    if not await _is_ready(gateway_of(request)):
        raise away("No middleware answers this gateway now; try again in a moment")
    return JSONResponse(Health(live=True, ready=True).to_wire())


async def _is_ready(gateway: Gateway) -> bool:
    try:
        await gateway.overview.answer()
    except (WireError, TimeoutError):
        return False
    return True


ROUTES: Final = (
    Route("/api/health", health, methods=["GET"]),
    Route("/api/health/ready", ready, methods=["GET"]),
)
