"""Tells whether a sound changes its channels or its rate midway, where players need headers to follow it.

That is AAC. In broadcasts its packets have headers of their own, which containers of files take off: they keep what the
first one told. In files, new headers come beside the packets, and not all containers keep these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from av import Packet
from av.stream import Stream

from moviola.media.video.reading.bits import Bits
from moviola.media.video.side_data import NEW_HEADERS

_ADTS_SIZE: Final = 4
_ADTS_SYNC: Final = 0xFFF0_0000  # ISO/IEC 14496-3, 1.A.2.2: 12 bits of ones, and above MPEG's version a layer of 0
_ADTS_SYNC_MASK: Final = 0xFFF6_0000
_ADTS_TOLD: Final = 0xFDC0  # profile, sampling frequency, channels; not the private bit

_HEAD_SIZE: Final = 32  # as much of headers as is looked into; those of ISO/IEC 14496-3, 1.7.3 are the longest
_LATM_SYNC: Final = 0x2B7
_EXPLICIT_RATE: Final = 15


class SoundChanges:
    """Looks at the packets of a sound, one by one, for the first that tells other channels or another rate than those
    before.

    Attributes:
        is_beside: that is told beside the packet, not in it.
    """

    def __init__(self, stream: Stream) -> None:
        context = getattr(stream, "codec_context", None)
        self._told = _TELLING.get(context.name if context is not None else "")
        self._firsts: dict[bool, int] = {}
        self._count = 0
        self._change: tuple[int, int] | None = None
        self.is_beside = False
        if self._told is not None and context is not None and context.extradata:
            self._firsts[True] = _told_by_config(_head_of(context.extradata))

    def look(self, packet: Packet[Any]) -> None:
        """Take the next packet of the stream."""
        number = self._count
        self._count += 1
        if self._told is None or self._change is not None or not packet.size or packet.is_corrupt:
            return
        is_beside = packet.has_sidedata(NEW_HEADERS)
        told = _told_by_config(_head_of(bytes(packet.get_sidedata(NEW_HEADERS)))) if is_beside else self._told(packet)
        if told is not None and told != self._firsts.setdefault(is_beside, told):
            at = packet.dts if packet.pts is None else packet.pts
            self._change, self.is_beside = (number, at or 0), is_beside

    def first(self, shift_of: Callable[[int], int]) -> int | None:
        """Return when the first change is heard, None where there is none; `shift_of` tells by how many ticks the
        stream's packet of a number, from 0, is moved."""
        return None if self._change is None else self._change[1] + shift_of(self._change[0])


def _told_by_adts(packet: Packet[Any]) -> int | None:
    """Return what a header of ADTS tells of profile, rate and channels; None where there is none."""
    head = int.from_bytes(memoryview(packet)[:_ADTS_SIZE])
    return head & _ADTS_TOLD if head & _ADTS_SYNC_MASK == _ADTS_SYNC and packet.size >= _ADTS_SIZE else None


def _told_by_latm(packet: Packet[Any]) -> int | None:
    """Return what `_told_by_config` finds in an AudioSyncStream of LATM; None where it refers to an earlier one, or is
    not understood."""
    bits = _head_of(bytes(memoryview(packet)[:_HEAD_SIZE]))
    sync, _length, is_as_before = bits.take(11), bits.take(13), bits.take(1)
    if sync != _LATM_SYNC or is_as_before:
        return None
    version = bits.take(1)
    if version:
        if bits.take(1):
            return None  # audioMuxVersionA: reserved
        bits.take(8 * (bits.take(2) + 1))  # taraBufferFullness
    bits.take(1 + 6 + 4 + 3)  # numbers of frames, programs and layers
    if version:
        bits.take(8 * (bits.take(2) + 1))  # ascLen
    return _told_by_config(bits)


def _told_by_config(bits: Bits) -> int:
    """Return what an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) tells of object type, rate and channels."""
    kind, rate = bits.take(5), bits.take(4)
    if rate == _EXPLICIT_RATE:
        rate = bits.take(24) << 4
    return kind | bits.take(4) << 5 | rate << 9


def _head_of(data: bytes) -> Bits:
    """Return the bits that headers begin with; behind their end are zeros."""
    return Bits(data[:_HEAD_SIZE].ljust(_HEAD_SIZE, b"\0"))


_TELLING: Final[dict[str, Callable[[Packet[Any]], int | None]]] = {"aac": _told_by_adts, "aac_latm": _told_by_latm}
"""By FFmpeg's name of the decoder."""
