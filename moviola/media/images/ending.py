"""Whether the end of a picture's file is there, by its bytes alone."""

from __future__ import annotations

from typing import Final

SOI: Final = b"\xff\xd8\xff"
_EOI: Final = b"\xff\xd9"
_SOS: Final = 0xDA
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers of JPEG that no length follows (ITU-T T.81, table B.1)."""


def is_cut_off(data: bytes) -> bool:
    """Return True if a JPEG, PNG or WebP ends before its picture does. Of other formats nothing is known.

    What follows the picture does not matter: phones append films, and cameras further pictures.
    """
    if data.startswith(SOI):
        return end_of_jpeg(data) < 0
    if data.startswith(_PNG):
        return b"IEND\xaeB`\x82" not in data
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    return False


def end_of_jpeg(data: bytes, start: int = 0) -> int:
    """Return where the JPEG that begins at `start` ends; -1 where `data` ends before it."""
    scan = _first_scan(data, start)
    end = data.find(_EOI, scan) if scan >= 0 else -1
    return end + len(_EOI) if end >= 0 else -1


def _first_scan(data: bytes, start: int) -> int:
    """Return where the first scan of a JPEG begins; -1 where there is none. Thumbnails lie in segments before it."""
    at = start + 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at = data.find(b"\xff", at)  # padding that decoders pass over
            if at < 0:
                return -1
            continue
        marker = data[at + 1]
        if marker == _SOS:
            return at
        at += 1 if marker == 0xFF else 2
        if marker not in _ALONE and marker != 0xFF:
            at += int.from_bytes(data[at : at + 2], "big")
    return -1
