"""Fragments of an MP4 (ISO/IEC 14496-12: `moof` and `mdat`), made of samples. Pure: no FFmpeg, no state.

FFmpeg's muxer derives the times of a fragment from those before it. Here each run of samples has a time of its own, so
a stream may begin with any fragment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from struct import pack, unpack_from
from typing import Final, NamedTuple

_KEY_FLAGS: Final = 0x02000000
"""8.8.3.1, sample_flags: it depends on no other sample."""

_OTHER_FLAGS: Final = 0x01010000
"""… it depends on others, and decoding cannot begin with it."""

_BASE_IS_MOOF: Final = 0x020000
"""8.8.7, tf_flags: offsets count from the beginning of the `moof`."""

_RUN_FLAGS: Final = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800
"""8.8.8, tr_flags: a data offset; duration, size, flags and composition offset of each sample."""

_VERSION_1: Final = 1 << 24
"""Of `tfdt`: a time of 64 bits; of `trun`: signed composition offsets."""

_HEADER_SIZE: Final = 8
"""Bytes of a box before its payload: its size and its kind."""


class Sample(NamedTuple):
    """A packet in a fragment.

    Attributes:
        data: of the packet, as MP4 has it: NAL units behind their lengths.
        duration (ticks): until the next one is decoded.
        offset (ticks): from when it is decoded until it is shown.
        is_key: decoding may begin with it.
    """

    data: bytes | memoryview
    duration: int
    offset: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples of one track.

    Attributes:
        track: its number in the file, from 1.
        begin (ticks): when the first sample is decoded, on the clock of the track's media.
        samples: in the order of decoding.
    """

    track: int
    begin: int
    samples: Sequence[Sample]


class Frame(NamedTuple):
    """A packet of a video; `shown_at` in ticks of its track."""

    data: bytes | memoryview
    shown_at: int
    is_key: bool


def video_run(track: int, frames: Sequence[Frame], end: int, lead: int) -> Run:
    """Return the run of frames that refer to none outside of it, and are given in the order of decoding.

    Packet i is decoded when the i-th frame by order of time is shown, or earlier where it must be. All are shown `lead`
    later than `shown_at` on the clock of the media, so that none is decoded after it is shown; the track's edit list
    takes that off.

    Args:
        track: its number in the file.
        frames: what it has.
        end (ticks): until when the last of them is shown.
        lead (ticks): that of the track, in each of its runs.
    """
    times = sorted(frame.shown_at for frame in frames)
    earliest = list(accumulate((frame.shown_at for frame in reversed(frames)), min))[::-1]  # of those still to come
    decoded = [min(time, first + lead) for time, first in zip(times, earliest, strict=True)]
    durations = [two - one for one, two in pairwise([*decoded, max(end, decoded[-1])])]
    samples = [
        Sample(frame.data, duration, frame.shown_at + lead - at, frame.is_key)
        for frame, at, duration in zip(frames, decoded, durations, strict=True)
    ]
    return Run(track, decoded[0], samples)


def fragment(number: int, runs: Sequence[Run]) -> bytes:
    """Return a fragment.

    Args:
        number: of the fragment, from 1, rising (8.8.5).
        runs: of different tracks.
    """
    sizes = [sum(len(sample.data) for sample in run.samples) for run in runs]
    offset = len(_moof(number, runs, [0] * len(runs))) + _HEADER_SIZE
    offsets = [offset + sum(sizes[:place]) for place in range(len(runs))]
    data = [sample.data for run in runs for sample in run.samples]
    return b"".join([_moof(number, runs, offsets), pack(">I4s", _HEADER_SIZE + sum(sizes), b"mdat"), *data])


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box (4.2) of these parts."""
    return pack(">I4s", _HEADER_SIZE + sum(map(len, parts)), kind) + b"".join(parts)


def boxes(data: bytes | memoryview, start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, begin, end) of the payload of each box between two places. A box that is cut off ends it."""
    stop = len(data) if stop is None else stop
    while start + _HEADER_SIZE <= stop:
        size, kind = unpack_from(">I4s", data, start)
        if size < _HEADER_SIZE or start + size > stop:
            return
        yield kind, start + _HEADER_SIZE, start + size
        start += size


def length_prefixed(data: bytes | memoryview) -> bytes:
    """Return NAL units that follow start codes (ISO/IEC 14496-10, annex B) behind their lengths (14496-15)."""
    units = [unit.rstrip(b"\0") for unit in bytes(data).split(b"\0\0\1")[1:]]
    return b"".join(pack(">I", len(unit)) + unit for unit in units if unit)


def _moof(number: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    """Return the `moof`; its size does not depend on the offsets of the runs' data."""
    tracks = [
        box(
            b"traf",
            box(b"tfhd", pack(">II", _BASE_IS_MOOF, run.track)),
            box(b"tfdt", pack(">IQ", _VERSION_1, run.begin)),
            box(b"trun", pack(">IIi", _VERSION_1 | _RUN_FLAGS, len(run.samples), offset), *map(_row, run.samples)),
        )
        for run, offset in zip(runs, offsets, strict=True)
    ]
    return box(b"moof", box(b"mfhd", pack(">II", 0, number)), *tracks)


def _row(sample: Sample) -> bytes:
    flags = _KEY_FLAGS if sample.is_key else _OTHER_FLAGS
    return pack(">IIIi", sample.duration, len(sample.data), flags, sample.offset)
