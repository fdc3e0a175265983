"""Files of the gateway's own pages, which come with the package: what each is answered with, and what they may load."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

import xxhash
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By suffix. A file with another one is not served."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""No code and no style but the pages' own files, nothing from elsewhere, and in nobody's frame. A browser asks each
time whether it has the newest."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of a page.

    Attributes:
        content: all of it.
        media_type: what it is.
        tag: its `ETag`.
    """

    content: bytes
    media_type: str
    tag: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Return all files below the folder `static`, by their path there."""
    return dict(_below(files("moviola.web").joinpath("static"), PurePosixPath()))


def static_response(request: Request, name: str) -> Response:
    """Return the answer that brings a file; nothing of it where the browser has it already.

    Raises:
        KeyError: there is no such file.
    """
    file = static_files()[name]
    headers = {**HEADERS, "ETag": file.tag}
    if file.tag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers={**headers, "Content-Type": file.media_type})


def _below(folder: Traversable, path: PurePosixPath) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for each in folder.iterdir():
        place = path / each.name
        if each.is_dir():
            found += _below(each, place)
        elif place.suffix in MEDIA_TYPES:
            content = each.read_bytes()
            tag = f'"{xxhash.xxh3_128_hexdigest(content)}"'
            found.append((str(place), StaticFile(content, MEDIA_TYPES[place.suffix], tag)))
    return found
