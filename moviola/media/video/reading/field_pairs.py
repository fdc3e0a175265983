"""Finds the second fields of H.264 frames whose two fields are packets of their own, as parsers of MPEG-TS make them.

Both are one picture to a decoder, which hangs everything on the first: its time, and what it is known by.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from moviola.media.video.reading.bits import Bits
from moviola.media.video.reading.random_access import nal_units, unescaped

_SLICES: Final = frozenset({1, 2, 5})  # H.264, table 7-1; of partitioned slices the first part has the header
_SPS, _PPS = 7, 8
_START_CODE: Final = b"\0\0\1"
_MAX_SLICE_HEADER: Final = 40
_MAX_PARAMETERS: Final = 1024
_NONE: Final = -1
_PICTURE_IDS: Final = 12  # bytes of a picture parameter set that have its number and that of its sequence
# Profiles that tell the sampling of chroma and scaling matrices (H.264, 7.3.2.1.1).
_TELL_CHROMA: Final = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})


class _Sequence(NamedTuple):
    """What of a sequence parameter set the beginning of a slice depends on."""

    id: int
    frame_num_bits: int
    has_planes: bool
    has_fields: bool


class _Field(NamedTuple):
    frame_num: int
    is_bottom: bool


class FieldPairs:
    """Looks at the packets of an H.264 stream in the order of decoding; what is paired is what FFmpeg's decoder
    pairs."""

    def __init__(self, nal_length_size: int, extradata: bytes | None) -> None:
        self._nal_length_size = nal_length_size
        self._sequences: dict[int, _Sequence] = {}
        self._of_pictures: dict[int, int] = {}  # the sequence of each picture parameter set
        self._waiting: _Field | None = None
        for unit in _units_of_extradata(extradata or b"", nal_length_size):
            self._learn(unit)

    def is_second(self, head: bytes, packet: Any) -> bool:
        """Return whether a packet, which begins with `head` and is not empty, is the second field of the frame that
        the packet before it began."""
        field = self._first_field(head)
        waiting, self._waiting = self._waiting, None
        if field is None:
            return False
        if waiting is not None and waiting.frame_num == field.frame_num and waiting.is_bottom != field.is_bottom:
            return True
        if not self._has_other(bytes(packet), field):
            self._waiting = field
        return False

    def _first_field(self, head: bytes) -> _Field | None:
        """Return the field that a packet begins, None where that is a frame, and learn what comes before it."""
        for start in _starts(head, self._nal_length_size):
            kind = head[start] & 0x1F
            if kind in _SLICES:
                return self._field(head[start : start + _MAX_SLICE_HEADER])
            if kind in (_SPS, _PPS):
                stop = -1 if self._nal_length_size else head.find(_START_CODE, start)
                self._learn(head[start : min(start + _MAX_PARAMETERS, len(head) if stop < 0 else stop)])
        return None

    def _has_other(self, data: bytes, first: _Field) -> bool:
        """Return whether a packet has the other field of its frame as well."""
        for start, _ in nal_units(data, self._nal_length_size):
            if data[start] & 0x1F in _SLICES:
                field = self._field(data[start : start + _MAX_SLICE_HEADER])
                if field is not None and field.is_bottom != first.is_bottom:
                    return True
        return False

    def _learn(self, unit: bytes) -> None:
        if unit and unit[0] & 0x1F == _SPS:
            sequence = _sequence(unit)
            if sequence is not None:
                self._sequences[sequence.id] = sequence
        elif unit and unit[0] & 0x1F == _PPS:
            picture, sequence_id = _picture(unit[:_PICTURE_IDS])
            self._of_pictures[picture] = sequence_id

    def _field(self, unit: bytes) -> _Field | None:
        """Return the field that a slice belongs to (H.264, 7.3.3); None of a frame, and where nothing can be read."""
        if not any(each.has_fields for each in self._sequences.values()):
            return None
        bits = _bits_of(unit)
        try:
            bits.number()  # first_mb_in_slice
            bits.number()  # slice_type
            sequence = self._sequences.get(self._of_pictures.get(bits.number(), _NONE))
            if sequence is None or not sequence.has_fields:
                return None
            bits.take(2 if sequence.has_planes else 0)
            frame_num = bits.take(sequence.frame_num_bits)
            return _Field(frame_num, bool(bits.take(1))) if bits.take(1) else None
        except ValueError:
            return None


def _bits_of(unit: bytes) -> Bits:
    """Return what a NAL unit has behind its first byte, which tells its kind."""
    return Bits(unescaped(unit[1:]))


@lru_cache(16)
def _picture(unit: bytes) -> tuple[int, int]:
    """Return the number of a picture parameter set and that of its sequence (H.264, 7.3.2.2); _NONE where
    it is damaged."""
    bits = _bits_of(unit)
    try:
        return bits.number(), bits.number()
    except ValueError:
        return _NONE, _NONE


@lru_cache(16)
def _sequence(unit: bytes) -> _Sequence | None:
    """Return what a sequence parameter set tells (H.264, 7.3.2.1.1); None where it is damaged."""
    bits = _bits_of(unit)
    try:
        profile = bits.take(8)
        bits.take(16)
        identity, has_planes = bits.number(), False
        if profile in _TELL_CHROMA:
            chroma = bits.number()
            has_planes = chroma == 3 and bits.take(1) == 1
            bits.number()
            bits.number()
            bits.take(1)
            if bits.take(1):
                for index in range(12 if chroma == 3 else 8):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
        frame_num_bits = bits.number() + 4
        _skip_order_count(bits)
        bits.number()  # max_num_ref_frames
        bits.take(1)
        bits.number()  # width and height
        bits.number()
        return _Sequence(identity, frame_num_bits, has_planes, not bits.take(1))
    except ValueError:
        return None


def _skip_scaling_list(bits: Bits, count: int) -> None:
    if not bits.take(1):
        return
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order_count(bits: Bits) -> None:
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.number()):
            bits.signed()


def _starts(data: bytes, length_size: int) -> Iterator[int]:
    """Yield where each NAL unit begins. With start codes nothing is searched behind the one that is taken last, which
    would be all of a picture."""
    if length_size:
        yield from (start for start, _ in nal_units(data, length_size))
        return
    start = data.find(_START_CODE)
    while 0 <= start < len(data) - len(_START_CODE):
        start += len(_START_CODE)
        yield start
        start = data.find(_START_CODE, start)


def _units_of_extradata(extradata: bytes, length_size: int) -> Iterator[bytes]:
    """Yield the parameter sets that a container tells, as avcC (ISO/IEC 14496-15, 5.3.3.1) or with start codes."""
    if not length_size:
        yield from (extradata[start:stop] for start, stop in nal_units(extradata, 0))
        return
    at = 5
    for mask in (0x1F, 0xFF):  # sequences, then pictures
        count = extradata[at] & mask if at < len(extradata) else 0
        at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            yield extradata[at + 2 : at + 2 + size]
            at += 2 + size
