"""Tells whether a sound changes its channels or its rate midway, where only its packets' own headers say so.

That is AAC as broadcasts have it. Containers of files take these headers off, and keep what the first one told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from av import Packet
from av.stream import Stream

_ADTS_SIZE: Final = 4
_ADTS_SYNC: Final = 0xFFF0_0000  # ISO/IEC 14496-3, 1.A.2.2: 12 bits of ones, and above MPEG's version a layer of 0
_ADTS_SYNC_MASK: Final = 0xFFF6_0000
_ADTS_TOLD: Final = 0xFDC0  # profile, sampling frequency, channels; not the private bit

_LATM_SIZE: Final = 32  # the longest head of ISO/IEC 14496-3, 1.7.3 that is looked into, and more
_LATM_SYNC: Final = 0x2B7
_EXPLICIT_RATE: Final = 15


class SoundChanges:
    """Looks at the packets of a sound, one by one, for the first that tells other channels or another rate than those
    before."""

    def __init__(self, stream: Stream) -> None:
        context = getattr(stream, "codec_context", None)
        self._told = _TELLING.get(context.name if context is not None else "")
        self._first: int | None = None
        self._count = 0
        self._change: tuple[int, int] | None = None

    def look(self, packet: Packet[Any]) -> None:
        """Take the next packet of the stream."""
        number = self._count
        self._count += 1
        if self._told is None or self._change is not None or not packet.size or packet.is_corrupt:
            return
        told = self._told(packet)
        if told is None:
            return
        if self._first is None:
            self._first = told
        elif told != self._first:
            at = packet.dts if packet.pts is None else packet.pts
            self._change = number, at or 0

    def first(self, shift_of: Callable[[int], int]) -> int | None:
        """Return when the first change is heard, None where there is none; `shift_of` tells by how many ticks the
        stream's packet of a number, from 0, is moved."""
        return None if self._change is None else self._change[1] + shift_of(self._change[0])


def _told_by_adts(packet: Packet[Any]) -> int | None:
    """Return what a header of ADTS tells of profile, rate and channels; None where there is none."""
    head = int.from_bytes(memoryview(packet)[:_ADTS_SIZE])
    return head & _ADTS_TOLD if head & _ADTS_SYNC_MASK == _ADTS_SYNC and packet.size >= _ADTS_SIZE else None


def _told_by_latm(packet: Packet[Any]) -> int | None:
    """Return what an AudioSyncStream of LATM tells of object type, rate and channels; None where it refers to an
    earlier one, or is not understood."""
    bits = _Bits(bytes(memoryview(packet)[:_LATM_SIZE]).ljust(_LATM_SIZE, b"\0"))
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
    kind, rate = bits.take(5), bits.take(4)
    if rate == _EXPLICIT_RATE:
        rate = bits.take(24) << 4
    return kind | bits.take(4) << 5 | rate << 9


class _Bits:
    """Reads numbers out of bytes, bit by bit."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        self._left -= count
        return self._number >> self._left & ((1 << count) - 1)


_TELLING: Final[dict[str, Callable[[Packet[Any]], int | None]]] = {"aac": _told_by_adts, "aac_latm": _told_by_latm}
"""By FFmpeg's name of the decoder."""
