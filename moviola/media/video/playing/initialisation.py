"""The beginning of a fragmented MP4 (`ftyp` and `moov`), and what it says of its tracks to a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, Final

import av
from av import Packet
from av.container import OutputContainer

from moviola.media.errors import SpliceError
from moviola.media.video.playing.fragments import boxes

_OPTIONS: Final = {
    "movflags": "+empty_moov+delay_moov+default_base_moof+frag_custom",
    "use_editlist": "1",
    "avoid_negative_ts": "disabled",
    "strict": "experimental",
    "fflags": "+bitexact",
}
"""`delay_moov`: some sound is described by its first packet. An edit list says by how much sound begins before zero."""

_TO_ENTRIES: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")

_STSD_HEADER_SIZE: Final = 8
"""Bytes of an `stsd` before its entries (ISO/IEC 14496-12, 8.5.2)."""

_VIDEO_ENTRY_SIZE: Final = 78
"""Bytes of a video's sample entry before its boxes (12.1.3)."""

_SOUND_ENTRY_SIZE: Final = 28
"""… of a sound's (12.2.3)."""

_CONFIG_TAG, _SPECIFIC_TAG = 0x04, 0x05
"""DecoderConfigDescriptor and DecoderSpecificInfo (ISO/IEC 14496-1, 7.2.2.1)."""


def initialisation(add_tracks: Callable[[OutputContainer], Sequence[Packet[Any]]], timescale: int) -> bytes:
    """Return the `ftyp` and `moov` of a file.

    Args:
        add_tracks: adds the streams, the video first, and returns the first packet of each. One that begins before zero
            gets an edit list.
        timescale: ticks a second of the video.

    Raises:
        SpliceError: MP4 does not take these streams.
    """
    buffer = BytesIO()
    options = {**_OPTIONS, "video_track_timescale": str(timescale)}
    try:
        with av.open(buffer, "w", format="mp4", container_options=options) as file:
            for packet in add_tracks(file):
                file.mux_one(packet)
    except (av.FFmpegError, ValueError) as error:
        raise SpliceError(f"MP4 does not take these streams: {error}") from error
    written = buffer.getvalue()
    parts = {kind: written[begin - 8 : end] for kind, begin, end in boxes(written)}
    return parts[b"ftyp"] + parts[b"moov"]


def mime_of(initialisation_segment: bytes) -> str:
    """Return the media type of a file and its codecs (RFC 6381), as `MediaSource.isTypeSupported` asks for them."""
    data = initialisation_segment
    codecs = [
        _codec(data, kind, start, stop)
        for begin, end in _inside(data, 0, len(data), _TO_ENTRIES)
        for kind, start, stop in boxes(data, begin + _STSD_HEADER_SIZE, end)
    ]
    return f'video/mp4; codecs="{", ".join(codecs)}"'


def _inside(data: bytes, begin: int, end: int, kinds: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the places of the payloads of all boxes that lie in boxes of these kinds, the outermost first."""
    if not kinds:
        yield begin, end
        return
    for kind, start, stop in boxes(data, begin, end):
        if kind == kinds[0]:
            yield from _inside(data, start, stop, kinds[1:])


def _codec(data: bytes, kind: bytes, begin: int, end: int) -> str:
    """Return what RFC 6381 calls the codec of a sample entry."""
    name = kind.decode("ascii")
    match kind:
        case b"avc1":
            config = _config(data, begin + _VIDEO_ENTRY_SIZE, end, b"avcC")
            return f"{name}.{config[1:4].hex().upper()}"
        case b"hvc1":
            return f"{name}.{_hevc_profile(_config(data, begin + _VIDEO_ENTRY_SIZE, end, b'hvcC'))}"
        case b"mp4v":
            return f"{name}.{_mpeg4_profile(_config(data, begin + _VIDEO_ENTRY_SIZE, end, b'esds'))}"
        case b"mp4a":
            return f"{name}.{_sound_profile(_config(data, begin + _SOUND_ENTRY_SIZE, end, b'esds'))}"
    return name


def _config(data: bytes, begin: int, end: int, wanted: bytes) -> bytes:
    return next((data[start:stop] for kind, start, stop in boxes(data, begin, end) if kind == wanted), b"")


def _hevc_profile(config: bytes) -> str:
    """ISO/IEC 14496-15, annex E.3, of an `hvcC`."""
    space = ("", "A", "B", "C")[config[1] >> 6]
    compatible = int(f"{int.from_bytes(config[2:6]):032b}"[::-1], 2)
    tier = "H" if config[1] & 0x20 else "L"
    constraints = [f"{byte:X}" for byte in config[6:12].rstrip(b"\0")]
    return ".".join([f"{space}{config[1] & 0x1F}", f"{compatible:X}", f"{tier}{config[12]}", *constraints])


def _mpeg4_profile(esds: bytes) -> str:
    """The object type, and the profile and level of the visual object sequence where its header tells it."""
    kind, specific = _descriptors(esds)
    at = specific.find(b"\0\0\1\xb0")
    return f"{kind:02x}.{specific[at + 4]}" if 0 <= at < len(specific) - 4 else f"{kind:02x}"


def _sound_profile(esds: bytes) -> str:
    """The object type; of AAC the audio object type, too (ISO/IEC 14496-3, 1.6.2.1)."""
    kind, specific = _descriptors(esds)
    if kind != 0x40 or len(specific) < 2:
        return f"{kind:02x}"
    audio = specific[0] >> 3
    return f"40.{audio if audio != 31 else 32 + ((specific[0] & 7) << 3 | specific[1] >> 5)}"


def _descriptors(esds: bytes) -> tuple[int, bytes]:
    """Return the object type of an `esds`, and its decoder's own bytes."""
    kind, at = 0, 4
    while at < len(esds):
        tag, at = esds[at], at + 1
        size = 0
        while at < len(esds):
            size, more, at = size << 7 | esds[at] & 0x7F, esds[at] & 0x80, at + 1
            if not more:
                break
        if tag == _SPECIFIC_TAG:
            return kind, esds[at : at + size]
        if tag == _CONFIG_TAG:
            kind = esds[at]
            at += 13  # its fixed part; descriptors follow inside
        elif tag == 0x03:
            at += 3  # ES_ID and flags; descriptors follow inside
        else:
            at += size
    return kind, b""
