"""Tells what of text subtitles is lost in another notation: their markup, and lines that are shown together."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final

from av import Packet
from av.stream import Stream

_SUBRIP: Final = ("subrip", "srt")
_MOV_TEXT: Final = "mov_text"
_TEXTS: Final = (*_SUBRIP, _MOV_TEXT, "text")

_TAG: Final = re.compile(rb"</?(?:b|i|u|s|br|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
"""The tags of SubRip, and the overrides of ASS, such as a place, which players take in it as well."""

_ENCODING: Final = b"encd"
"""A box behind a text that only says again that it is UTF-8."""

_UNSEEN_S: Final = Fraction(1, 50)
"""Shorter than a picture of a film is shown: nobody sees a line end so much earlier."""


class TextLines:
    """Looks at the packets of text subtitles, one by one; of other streams it finds nothing.

    Attributes:
        has_markup: a text has markup, or, in `mov_text`, boxes of styles behind it.
        overlaps: a line is still shown where the next one begins.
    """

    def __init__(self, stream: Stream) -> None:
        context = getattr(stream, "codec_context", None)
        self._codec = context.name if context is not None else ""
        self._unseen = _UNSEEN_S / (stream.time_base or Fraction(1, 1000))
        self._end: int | None = None
        self.has_markup = self.overlaps = False

    def look(self, packet: Packet[Any]) -> None:
        """Take the next packet of the stream."""
        if self._codec not in _TEXTS or not packet.size:
            return
        if not self.has_markup:
            self.has_markup = self._is_marked_up(bytes(packet))
        if packet.pts is None:
            return
        self.overlaps = self.overlaps or (self._end is not None and self._end - packet.pts > self._unseen)
        end = packet.pts + (packet.duration or 0)
        self._end = end if self._end is None else max(self._end, end)

    def _is_marked_up(self, data: bytes) -> bool:
        if self._codec == _MOV_TEXT:
            return _has_styles(data)
        return self._codec in _SUBRIP and _TAG.search(data) is not None


def _has_styles(data: bytes) -> bool:
    """Return True if a text of `mov_text` (3GPP TS 26.245, 5.17), which begins with its length, has a box behind it
    that tells how it is shown."""
    at = 2 + int.from_bytes(data[:2])
    while at + 8 <= len(data):
        if data[at + 4 : at + 8] != _ENCODING:
            return True
        at += max(8, int.from_bytes(data[at : at + 4]))
    return False
