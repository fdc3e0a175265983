"""`/`: the page for people. Its addresses all give one document, whose modules show what each address names."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.web.problems import Problem
from moviola.web.static_files import static_response

FOLDER: Final = "app"
"""Of the page's files, in the folder `static`, and in their addresses."""

ADDRESSES: Final = (
    "/",
    "/send",
    "/jobs/{id}",
    "/jobs/{id}/watch/{output:path}",
    "/workers",
    "/compare",
    "/login",
)
"""What people may type or keep as a bookmark; `static/app/main.js` names the module that shows each."""


async def document(request: Request) -> Response:
    """Return the one document of the page."""
    return static_response(request, f"{FOLDER}/index.html")


async def file(request: Request) -> Response:
    """Return a file that the document loads."""
    try:
        return static_response(request, f"{FOLDER}/{request.path_params['path']}")
    except KeyError:
        raise Problem(HTTPStatus.NOT_FOUND, "The page has no such file") from None


ROUTES: Final = (
    *(Route(address, document, methods=["GET"]) for address in ADDRESSES),
    Route(f"/{FOLDER}/{{path:path}}", file, methods=["GET"]),
)
