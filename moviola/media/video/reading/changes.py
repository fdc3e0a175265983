"""Tells whether a video's pictures change midway what they are, as far as its packets' headers show it: their size,
pixel format, shape or colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

import av

from moviola.media.fidelity import Fate, Finding
from moviola.media.video.filtering.decode import open_decoder, rebuild_packet
from moviola.media.video.frame_format import UNSPECIFIED, Colour
from moviola.media.video.headers import DecoderParameters
from moviola.media.video.reading.passthrough import packet_entry
from moviola.media.video.reading.random_access import nal_units
from moviola.media.video.side_data import NEW_HEADERS

MAX_HEADERS: Final = 16
"""Headers of one video that are looked at. What changes more often, or without a header, is counted by the workers."""

CUT_IT: Final = "cut the source where it changes, and send the parts"

_SPS: Final = {"h264": lambda unit: unit[0] & 0x1F == 7, "hevc": lambda unit: unit[0] >> 1 & 0x3F == 33}
_SEQUENCE: Final = b"\0\0\1\xb3"  # ISO/IEC 13818-2, 6.2.2.1
_EXTENSION: Final = 0xB5
_TOLD_OF_SEQUENCE: Final = frozenset({1, 2})  # extensions with the sampling of chroma, and with colours; table 6-2
_SIZE_OF_SEQUENCE: Final = 8  # with the start code: width and height have 12 bits each, aspect and rate 4 each
_PICTURES: Final = (b"\0\0\1\0", b"\0\0\1\xb8")  # a picture, a group of them
_SIZE_IN_VP8: Final = slice(3, 10)  # RFC 6386, 9.1: start code, width, height
_ROUNDING: Final = Fraction(1, 100)  # by which two headers may differ that mean one shape


class Looks(NamedTuple):
    """What a picture is. `shape` is its width by its height as it is shown."""

    size: tuple[int, int]
    pixel_format: str
    shape: Fraction
    colour: Colour


class Changes:
    """Looks at packets, and decodes those that come with a header that was not there before.

    `decoder` tells the size that the container promises, which is that of the output; `first` (width, height) is that
    of the first picture.
    """

    def __init__(self, codec: str, nal_length_size: int, decoder: DecoderParameters, first: tuple[int, int]) -> None:
        self._codec, self._nal_length_size = codec, nal_length_size
        # FFmpeg may have the container's colours from a later header; without any, pictures tell their own.
        self._decoder = replace(decoder, color_primaries=UNSPECIFIED, color_trc=UNSPECIFIED, colorspace=UNSPECIFIED)
        self._headers = {decoder.extradata} if decoder.extradata else set[bytes]()
        self._usual, self._first_size = (decoder.width, decoder.height), first
        self._first: av.Packet[Any] | None = None
        self._seen: list[Looks] = []  # the first packet's, once another header has come, and then others

    def look(self, packet: av.Packet[Any], head: bytes) -> None:
        """Take the next packet, which begins with `head`. It is decoded if it has a header that was not there
        before, and is not the first."""
        is_first = self._first is None and packet.size > 0
        if is_first:
            self._first = packet
        header = self._header(packet, head)
        if not header or header in self._headers or len(self._headers) >= MAX_HEADERS:
            return
        self._headers.add(header)
        if is_first or self._first is None:
            return
        if not self._seen:
            self._seen += _decoded(self._first, self._decoder)
        self._seen += (looks for looks in _decoded(packet, self._decoder) if looks not in self._seen)

    def findings(self) -> Iterator[Finding]:
        """Yield what becomes of pictures that are not as the first ones."""
        yield from self._of_sizes()
        if not self._seen:
            return
        formats = list(dict.fromkeys(each.pixel_format for each in self._seen))
        if len(formats) > 1:
            then = "each picture is filtered in its own, and then converted to that of the output"
            yield _finding("the pixel format", formats, then)
        usual = self._seen[0].shape
        others = [each.shape for each in self._seen if abs(each.shape / usual - 1) > _ROUNDING]
        shapes = [f"{each.numerator}:{each.denominator}" for each in dict.fromkeys([usual, *others])]
        if others:
            yield _finding("the shape of the pictures", shapes, f"all are shown in one, the others stretched; {CUT_IT}")
        colours = list(dict.fromkeys(each.colour.name for each in self._seen))
        if len(colours) > 1:
            then = f"all are tagged alike, so that the others look wrong; {CUT_IT}"
            yield _finding("the colour tags", colours, then)

    def _of_sizes(self) -> Iterator[Finding]:
        sizes = dict.fromkeys([self._usual, self._first_size, *(each.size for each in self._seen)])
        if len(sizes) > 1:
            names = [f"{width}x{height}" for width, height in sizes]
            then = f"each picture is filtered in its own size, and then scaled to {names[0]}"
            yield _finding("the size of the pictures", names, then)

    def _header(self, packet: av.Packet[Any], head: bytes) -> bytes:
        """Return those bytes of a packet that tell what its picture is; empty where nothing does."""
        if packet.has_sidedata(NEW_HEADERS):
            return bytes(packet.get_sidedata(NEW_HEADERS))
        if self._codec in _SPS:
            units = (head[start:stop] for start, stop in nal_units(head, self._nal_length_size))
            return b"".join(unit for unit in units if unit and _SPS[self._codec](unit))
        if self._codec == "vp8" and head and not head[0] & 1:
            return head[_SIZE_IN_VP8]
        if self._codec in ("mpeg1video", "mpeg2video") and (at := head.find(_SEQUENCE)) >= 0:
            return head[at : at + _SIZE_OF_SEQUENCE] + _extensions(head, at)
        return b""


def _extensions(head: bytes, at: int) -> bytes:
    """Return the extensions of the MPEG-2 sequence header at this place."""
    stop = min((found for code in _PICTURES if (found := head.find(code, at)) >= 0), default=len(head))
    header = head[at:stop]
    units = (header[start:end] for start, end in nal_units(header, 0))
    return b"".join(
        unit for unit in units if len(unit) > 1 and unit[0] == _EXTENSION and unit[1] >> 4 in _TOLD_OF_SEQUENCE
    )


def _finding(subject: str, names: list[str], then: str) -> Finding:
    return Finding(subject, Fate.CHANGED, f"is not always {names[0]}, but also {', '.join(names[1:])}: {then}")


def _decoded(packet: av.Packet[Any], parameters: DecoderParameters) -> Iterator[Looks]:
    """Yield what the picture is that a packet begins; nothing where it cannot be decoded by itself."""
    decoder, base = open_decoder(parameters), packet.time_base or Fraction(1, 1000)
    end: av.Packet[Any] = av.Packet()
    try:
        copy = rebuild_packet(packet_entry(packet), memoryview(bytes(packet)), base, 0)
        frames = [*decoder.decode(copy), *decoder.decode(end)]
    except av.FFmpegError:
        return
    aspect = decoder.sample_aspect_ratio or Fraction(1)
    for frame in frames:
        shape = Fraction(frame.width, frame.height) * aspect
        yield Looks((frame.width, frame.height), frame.format.name, shape, Colour.of(frame))
