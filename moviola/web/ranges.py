"""Which part of a file a request asks for (RFC 9110): pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ONE: Final = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*")


class Unsatisfiable(Exception):
    """No byte of the file is in the range."""


class Part(NamedTuple):
    """Bytes of a file from `start` up to `stop`."""

    start: int
    stop: int


def part_of(size: int, header: str | None, if_range: str | None, etag: str) -> Part | None:
    """Return the part that a header `Range` asks for; None where the whole file is to be sent.

    The whole file is to be sent if there is no such header, if its form is not supported here (several ranges, other
    units), and if the file has changed since the client got a part of it (`If-Range`).

    Args:
        size: of the file, in bytes.
        header: the value of `Range`.
        if_range: the value of `If-Range`.
        etag: of the file, with its quotes.

    Raises:
        Unsatisfiable: it is beyond the end of the file.
    """
    asked = _ONE.fullmatch(header or "")
    if asked is None or (if_range is not None and if_range != etag):
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:
        if not int(last) or not size:
            raise Unsatisfiable
        return Part(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return Part(int(first), min(size, int(last) + 1) if last else size)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Return True if the client has the file already: the header `If-None-Match` names its tag."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags
