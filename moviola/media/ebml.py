"""Reads EBML (RFC 8794), of which Matroska and WebM consist: elements, each an id, a size and as many bytes."""

from __future__ import annotations

from typing import Final, NamedTuple

SEGMENT: Final = b"\x18\x53\x80\x67"
"""The id of the element that holds nearly all of a Matroska (RFC 9559, 5.1)."""


class Element(NamedTuple):
    """An element among some bytes.

    Attributes:
        id: with the bits that tell its length, as the tables of formats have it.
        begin: where its content begins.
        end: where that ends, which may be behind the bytes; None where it is not told, as of what was written live.
    """

    id: bytes
    begin: int
    end: int | None


def element_at(data: bytes, at: int) -> Element | None:
    """Return the element that begins at a place; None where id and size are not all there, or are none."""
    id_length = _width(data, at)
    if id_length is None:
        return None
    size_at = at + id_length
    size_length = _width(data, size_at)
    if size_length is None or len(data) < size_at + size_length:
        return None
    begin, all_ones = size_at + size_length, (1 << 7 * size_length) - 1
    size = int.from_bytes(data[size_at:begin], "big") & all_ones
    return Element(data[at:size_at], begin, None if size == all_ones else begin + size)


def _width(data: bytes, at: int) -> int | None:
    """Return the bytes of a number of variable length: one more than the zero bits that it begins with."""
    if at >= len(data) or data[at] == 0:
        return None
    return 9 - data[at].bit_length()
