"""What a file says of itself and its streams, and what counting its packets tells; for metadata.json.

docs/ANALYSIS.md tells what each field means. Seconds are rounded to a microsecond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from moviola.media.material import Facts

# All of this travels with the submission: a few kilobytes as a rule, some hundred at most.
MAX_KEYFRAMES_LISTED = 1000
MAX_STREAMS = 100
MAX_TAGS = 64
MAX_TAG_LENGTH = 1000
_DIGITS = 6
# AVColorRange; the other colour fields are numbers of ITU-T H.273.
_RANGES = {1: "limited", 2: "full"}
UNSPECIFIED = 2


@dataclass(slots=True)
class Tally:
    """Packets of one stream, counted: how many, their bytes, and when those that are keyframes are shown."""

    packet_count: int = 0
    size: int = 0
    key_pts: list[int] = field(default_factory=list)

    def add(self, packet: Packet[Any], *, keyframes: bool = False) -> None:
        """Count a packet; an empty one at the end of the stream is none."""
        if packet.size:
            self.packet_count += 1
            self.size += packet.size
            if keyframes and packet.is_keyframe and packet.pts is not None:
                self.key_pts.append(packet.pts)


def describe(
    container: InputContainer, video: VideoStream, tallies: Mapping[int, Tally], times: Sequence[int] | None
) -> Facts:
    """Return what a file says of itself, as JSON types.

    `tallies` by stream index; `times` are those of the video's frames, rising, None if not known.
    """
    streams = list(container.streams)[:MAX_STREAMS]
    return {
        "container": {
            "format": container.format.name,
            "long_name": container.format.long_name,
            "size": container.size,
            "start_s": _seconds(container.start_time, Fraction(1, av.time_base)),
            "duration_s": _seconds(container.duration, Fraction(1, av.time_base)),
            "bit_rate": container.bit_rate or None,
            "tags": _tags(container.metadata),
        },
        "streams": [
            _stream(one, tallies.get(one.index), container.duration)
            | (_frames(video, tallies, times) if one.index == video.index else {})
            for one in streams
        ],
        "chapter_count": len(container.chapters()),
    }


def _stream(stream: Stream, tally: Tally | None, file_duration: int | None) -> Facts:
    context: Any = stream.codec_context
    told: Facts = {
        "index": stream.index,
        "type": stream.type,
        "codec": context.name if context is not None else None,
        "codec_long_name": context.codec.long_name if context is not None else None,
        "profile": getattr(context, "profile", None),
        "language": stream.language or "und",
        "disposition": [flag.name for flag in type(stream.disposition) if flag & stream.disposition],
        "tags": _tags(stream.metadata),
        "start_s": _seconds(stream.start_time, stream.time_base),
        "duration_s": _seconds(stream.duration, stream.time_base),
        "time_base": str(stream.time_base) if stream.time_base else None,
    }
    if tally is not None:
        told |= {"packet_count": tally.packet_count, "size": tally.size, "bit_rate": None}
        length_s = stream.duration * stream.time_base if stream.duration and stream.time_base else None
        length_s = length_s or Fraction(file_duration or 0, av.time_base)
        if length_s > 0:
            told["bit_rate"] = round(tally.size * 8 / length_s)
    if stream.type == "video" and context is not None:
        told |= _picture(stream, context)
    if stream.type == "audio" and context is not None:
        told |= {
            "sample_rate": context.sample_rate,
            "channels": context.channels,
            "layout": context.layout.name,
            "sample_format": context.format.name if context.format else None,
        }
    return told


def _picture(stream: Any, context: Any) -> Facts:
    return {
        "width": context.width,
        "height": context.height,
        "pix_fmt": context.pix_fmt,
        "sample_aspect": str(stream.sample_aspect_ratio) if stream.sample_aspect_ratio else None,
        "rate": str(stream.average_rate) if stream.average_rate else None,
        "color_range": _RANGES.get(int(context.color_range)),
        "color_primaries": _known(context.color_primaries),
        "color_trc": _known(context.color_trc),
        "colorspace": _known(context.colorspace),
    }


def _known(number: Any) -> int | None:
    """Return a colour field; None where the file does not tell it."""
    return None if int(number) == UNSPECIFIED else int(number)


def _frames(video: VideoStream, tallies: Mapping[int, Tally], times: Sequence[int] | None) -> Facts:
    """Return facts about the stream that is filtered: how its frames lie in time, and which of them can be sought."""
    base = video.time_base or Fraction(1)
    key_pts = sorted(tallies[video.index].key_pts)
    intervals = [two - one for one, two in pairwise(times or ())]
    return {
        "frame_interval_s": _spread(intervals, base),
        "variable_rate": bool(intervals) and max(intervals) - min(intervals) > 1,  # a tick is rounding
        "keyframes": {
            "count": len(key_pts),
            "interval_s": _spread([two - one for one, two in pairwise(key_pts)], base),
            "times_s": [_seconds(pts, base) for pts in key_pts[:MAX_KEYFRAMES_LISTED]],
        },
    }


def _spread(ticks: Sequence[int], base: Fraction) -> dict[str, float | None] | None:
    """Return least, mean and greatest of some lengths of time, in seconds; None if there are none."""
    if not ticks:
        return None
    mean = float(sum(ticks) * base / len(ticks))
    return {"min": _seconds(min(ticks), base), "mean": round(mean, _DIGITS), "max": _seconds(max(ticks), base)}


def _seconds(ticks: int | None, base: Fraction | None) -> float | None:
    return None if ticks is None or base is None else round(float(ticks * base), _DIGITS)


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name[:MAX_TAG_LENGTH]: text[:MAX_TAG_LENGTH] for name, text in list(tags.items())[:MAX_TAGS]}
