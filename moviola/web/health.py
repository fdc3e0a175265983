"""`GET /api/health`: whether the gateway lives."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def health(request: Request) -> Response:
    """Answer whoever watches over this process; asks for no user."""
    return JSONResponse({"live": True})


ROUTES: Final = (Route("/api/health", health, methods=["GET"]),)
