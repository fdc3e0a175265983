"""Tells whether a video's pictures change their size midway, as far as its packets' headers show it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import av

from moviola.media.fidelity import Fate, Finding
from moviola.media.video.filtering.decode import open_decoder, rebuild_packet
from moviola.media.video.headers import DecoderParameters
from moviola.media.video.reading.passthrough import packet_entry
from moviola.media.video.reading.random_access import nal_units

MAX_HEADERS: Final = 16
"""Headers of one video that are looked at. The sizes of a video that changes more often are counted by the workers."""

_SPS: Final = {"h264": lambda unit: unit[0] & 0x1F == 7, "hevc": lambda unit: unit[0] >> 1 & 0x3F == 33}
_NEW_HEADERS: Final = "new_extradata"
_SEQUENCE: Final = b"\0\0\1\xb3"  # ISO/IEC 13818-2, 6.2.2.1
_SIZE_OF_SEQUENCE: Final = 7  # with the start code: width and height have 12 bits each
_SIZE_IN_VP8: Final = slice(3, 10)  # RFC 6386, 9.1: start code, width, height


class Sizes:
    """Looks at packets, and decodes those that come with a header that was not there before.

    `decoder` tells the size that the container promises, which is that of the output; `first` (width, height) is that
    of the first picture.
    """

    def __init__(self, codec: str, nal_length_size: int, decoder: DecoderParameters, first: tuple[int, int]) -> None:
        self._codec, self._nal_length_size, self._decoder = codec, nal_length_size, decoder
        self._headers = {decoder.extradata} if decoder.extradata else set[bytes]()
        self._usual = decoder.width, decoder.height
        self._others = [first] if first != self._usual else []

    def look(self, packet: av.Packet[Any], head: bytes) -> None:
        """Take the next packet, which begins with `head`. It is decoded if it has a header that was not there
        before."""
        header = self._header(packet, head)
        if not header or header in self._headers or len(self._headers) >= MAX_HEADERS:
            return
        is_first = not self._headers
        self._headers.add(header)
        for size in () if is_first else _decoded(packet, self._decoder):
            if size not in (self._usual, *self._others):
                self._others.append(size)

    def findings(self) -> Iterator[Finding]:
        """Yield what becomes of pictures of another size."""
        if self._others:
            usual, *others = (f"{width}x{height}" for width, height in (self._usual, *self._others))
            reason = (
                f"is not always {usual}, but also {', '.join(others)}: each picture is filtered in its own size, and "
                f"then scaled to {usual}"
            )
            yield Finding("the size of the pictures", Fate.CHANGED, reason)

    def _header(self, packet: av.Packet[Any], head: bytes) -> bytes:
        """Return those bytes of a packet that tell the size of its picture; empty where nothing does."""
        if packet.has_sidedata(_NEW_HEADERS):
            return bytes(packet.get_sidedata(_NEW_HEADERS))
        if self._codec in _SPS:
            units = (head[start:stop] for start, stop in nal_units(head, self._nal_length_size))
            return b"".join(unit for unit in units if unit and _SPS[self._codec](unit))
        if self._codec == "vp8" and head and not head[0] & 1:
            return head[_SIZE_IN_VP8]
        if self._codec in ("mpeg1video", "mpeg2video") and (at := head.find(_SEQUENCE)) >= 0:
            return head[at : at + _SIZE_OF_SEQUENCE]
        return b""


def _decoded(packet: av.Packet[Any], parameters: DecoderParameters) -> Iterator[tuple[int, int]]:
    """Yield the size of the picture that a packet begins; none where it cannot be decoded by itself."""
    decoder, base = open_decoder(parameters), packet.time_base or Fraction(1, 1000)
    end: av.Packet[Any] = av.Packet()
    try:
        copy = rebuild_packet(packet_entry(packet), memoryview(bytes(packet)), base, 0)
        frames = [*decoder.decode(copy), *decoder.decode(end)]
    except av.FFmpegError:
        return
    yield from ((frame.width, frame.height) for frame in frames)
