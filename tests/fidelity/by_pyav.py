"""What PyAV says of a file, where there is no ffprobe, and what it alone can tell: times and packets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any, Final

import av

from tests.fidelity.facts import COVER, Chapter, File, Stream

MAX_FRAMES: Final = 100_000
"""Of one video: more than any file has that somebody waits for."""

_COLOUR: Final = {"color_range": "color_range", "colorspace": "color_space", "color_primaries": "color_primaries",
                  "color_trc": "color_transfer"}  # fmt: skip

_ADTS: Final = 0xFFF0

JUMP_S: Final = 10.0
"""A step of the clock that FFmpeg, too, takes for a break in a format whose clock may break, in either direction."""

BREAKING: Final = frozenset({"mpegts", "mpeg", "flv"})
"""Formats that recordings are joined in, byte for byte, whose clocks begin anew then."""


@dataclass(frozen=True, slots=True)
class Track:
    """The packets of a stream that is not filtered: when each is presented (seconds, None where it does not tell) and
    the digest of its bytes; and one digest of all of them in a row, however they are cut."""

    index: int
    type: str
    times: list[float | None]
    digests: list[str]
    whole: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happens in a file, and when.

    Attributes:
        times: when each frame of the video is presented (seconds).
        last_duration: for how long the last of them is (seconds).
        sizes: that frames have.
        tracks: the other streams' packets.
        packets: how many the video has, also those that are hidden.
        errors: how many packets could not be decoded.
        breaks: how often the clock breaks; the times go on from there as if it did not.
    """

    times: list[float]
    last_duration: float = 0.0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    tracks: list[Track] = field(default_factory=list)
    packets: int = 0
    errors: int = 0
    breaks: int = 0


def describe(path: Path) -> File:
    """Return what PyAV says of a file. Raise av.FFmpegError."""
    with av.open(str(path), metadata_errors="replace") as file:
        return File(
            format=file.format.name,
            duration=(file.duration or 0) / av.time_base,
            start=(file.start_time or 0) / av.time_base,
            tags=dict(file.metadata),
            chapters=tuple(_chapter(each) for each in file.chapters()),
            streams=tuple(_stream(each) for each in file.streams),
        )


def timeline(path: Path) -> Timeline:
    """Return when frames and packets of a file are presented. Raise av.FFmpegError where it cannot be opened."""
    with av.open(str(path), metadata_errors="replace") as file:
        video = next((each for each in file.streams.video if not _is_cover(each)), None)
        seen: list[tuple[float, float]] = []
        sizes: set[tuple[int, int]] = set()
        others: dict[int, tuple[str, list[float | None], list[bytes]]] = {}
        errors = count = 0
        if video is not None:
            video.thread_type = "AUTO"
        for packet in _packets(file):
            stream = packet.stream
            if video is not None and stream.index == video.index and len(seen) < MAX_FRAMES:
                count += bool(packet.size)
                try:
                    for frame in packet.decode():
                        sizes.add((frame.width, frame.height))
                        seen.append((frame.time or 0.0, float((frame.duration or 0) * (frame.time_base or 0))))
                except av.FFmpegError:
                    errors += bool(packet.size)  # an empty one says that the frame before stays
            elif stream.type in ("audio", "subtitle") and packet.size and not packet.is_discard:
                _, times, payloads = others.setdefault(stream.index, (stream.type, [], []))
                times.append(None if packet.pts is None else float(packet.pts * packet.time_base))
                payloads.append(_bare(bytes(packet), stream.codec_context.name if stream.codec_context else ""))
        shown, breaks = _joined(seen) if file.format.name in BREAKING else (sorted(time for time, _ in seen), 0)
        return Timeline(
            shown,
            seen[-1][1] if seen else 0.0,
            sizes,
            [_track(index, *found) for index, found in sorted(others.items())],
            count,
            errors,
            breaks,
        )


def side_data(path: Path) -> dict[str, bytes]:
    """Return what hangs on the first frame, by PyAV's names: newer libraries read more than an ffprobe may do."""
    with suppress(av.FFmpegError, ValueError, StopIteration), av.open(str(path), metadata_errors="replace") as file:
        entries: Any = next(file.decode(video=0)).side_data
        return {each.type.name: bytes(each) for each in entries}
    return {}


def sound(path: Path, index: int) -> str:
    """Return a digest of the samples of an audio stream, as they are decoded."""
    digest = md5(usedforsecurity=False)
    with av.open(str(path), metadata_errors="replace") as file, suppress(av.FFmpegError):
        for frame in file.decode(file.streams[index]):
            if isinstance(frame, av.AudioFrame):
                digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


def _joined(seen: list[tuple[float, float]]) -> tuple[list[float], int]:
    """Return times without breaks, and how many breaks there were: the frame behind one comes when the one before has
    lasted as long as it lasts, or as the frame before it lasted."""
    times: list[float] = []
    shift, breaks, last = 0.0, 0, 0.0
    for number, (time, duration) in enumerate(seen):
        if number and not -1.0 < time - last < JUMP_S:
            shift += times[-1] + (duration or (times[-1] - times[-2] if number > 1 else 0.0)) - (time + shift)
            breaks += 1
        last = time
        times.append(time + shift)
    return sorted(times), breaks


def _packets(file: Any) -> Iterator[Any]:
    """Yield packets as far as the file can be read."""
    with suppress(av.FFmpegError):
        yield from file.demux()


def _track(index: int, kind: str, times: list[float | None], payloads: list[bytes]) -> Track:
    digests = [md5(payload, usedforsecurity=False).hexdigest() for payload in payloads]
    return Track(index, kind, times, digests, md5(b"".join(payloads), usedforsecurity=False).hexdigest())


def _bare(payload: bytes, codec: str) -> bytes:
    """Without the header that a stream of AAC has before each packet, and a file of it has not (ISO 14496-3)."""
    if codec == "aac" and len(payload) > 7 and int.from_bytes(payload[:2]) & 0xFFF6 == _ADTS:
        return payload[7 if payload[1] & 1 else 9 :]
    return payload


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def _stream(stream: Any) -> Stream:
    context = stream.codec_context
    kind = COVER if stream.type == "video" and _is_cover(stream) else stream.type
    tags, flags = (
        dict(stream.metadata),
        frozenset(flag.name for flag in type(stream.disposition) if flag in stream.disposition),
    )
    if kind != "video" or context is None:
        return Stream(stream.index, kind, context.name if context else "", tags, flags)
    found = {to: getattr(context, name, None) for name, to in _COLOUR.items()}
    return Stream(
        stream.index,
        kind,
        context.name,
        tags,
        flags,
        colour={name: str(int(value)) for name, value in found.items() if value not in (None, 0, 2)},
        pixels=context.pix_fmt or "",
        size=(context.width, context.height),
        aspect=str(stream.sample_aspect_ratio or "").replace("/", ":"),
        promised=stream.frames,
    )


def _chapter(told: Any) -> Chapter:
    base = told["time_base"]
    return Chapter(float(told["start"] * base), float(told["end"] * base), told["metadata"].get("title", ""))
