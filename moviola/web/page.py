"""`/api/`: the API's document, and a page that shows it and lets each request be tried. Neither asks for a token."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MEDIA_TYPES: Final = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
"""The files of the page, in the folder `static`."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""No code and no style but the page's own files, nothing from elsewhere, and in nobody's frame."""


async def openapi(request: Request) -> Response:
    """Return this document: all requests, what each takes and what it is answered."""
    return JSONResponse(request.app.state.document)


async def page(request: Request) -> Response:
    """Return a file of the page."""
    name = request.url.path.rpartition("/")[2] or "index.html"
    return Response(_content(name), headers={**HEADERS, "Content-Type": MEDIA_TYPES[name]})


@cache
def _content(name: str) -> bytes:
    return files("moviola.web").joinpath("static", name).read_bytes()


ROUTES: Final = (
    Route("/api/", page, methods=["GET"]),
    Route("/api/openapi.json", openapi, methods=["GET"]),
    Route("/api/page.css", page, methods=["GET"]),
    Route("/api/page.js", page, methods=["GET"]),
)
