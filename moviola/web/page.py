"""`/api/`: the API's document, and a page that shows it and lets each request be tried. Neither asks for a token."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.web.static_files import static_response


async def openapi(request: Request) -> Response:
    """Return this document: all requests, what each takes and what it is answered."""
    return JSONResponse(request.app.state.document)


async def page(request: Request) -> Response:
    """Return a file of the page."""
    return static_response(request, request.url.path.rpartition("/")[2] or "index.html")


ROUTES: Final = (
    Route("/api/", page, methods=["GET"]),
    Route("/api/openapi.json", openapi, methods=["GET"]),
    Route("/api/page.css", page, methods=["GET"]),
    Route("/api/page.js", page, methods=["GET"]),
)
