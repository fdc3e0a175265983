"""What one pass over a file's packets tells, as moviola/media/video/reading/scan.py finds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.container import InputContainer

from moviola.base.interlacing import FieldOrder
from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Finding
from moviola.media.material import Facts
from moviola.media.video.cropping import Borders
from moviola.media.video.cutting.cut import SourceTrack
from moviola.media.video.fields import order_of
from moviola.media.video.frame_format import ChromaLocation, Colour
from moviola.media.video.headers import Chapter, DecoderParameters, PassthroughStream, Tags
from moviola.media.video.mastering import ContentLight, MasteringDisplay
from moviola.media.video.orientation import Orientation
from moviola.media.video.reading.opening import packets_of
from moviola.media.video.reading.timeline import Timeline
from moviola.media.video.side_data import FrameSideData, side_data_of_frame


@dataclass(frozen=True, slots=True)
class LastingSideData:
    """`kind` as FFmpeg names it, valid from packet `index` on."""

    index: int
    kind: str
    data: bytes


@dataclass(slots=True)
class Scan:
    """What one pass over a file's packets tells.

    Times are in `time_base`, and those of the output: `timeline` tells by how much the file's own were moved.
    `first_pts` and `last_end` are where the shown frames begin and end, None without timestamps.
    `passthrough` describes the streams that are carried beside it, and `passthrough_numbers` maps their index in
    the file to their number there. `damaged_packets` are those of the video of which the container, or their own bytes,
    tell it, `damage` is what of the file is not whole; decoding may find more.
    `description` is what metadata.json tells of the file.
    """

    path: Path
    container: str
    stream_index: int
    decoder: DecoderParameters
    profile: str | None
    time_base: Fraction
    rate: Fraction
    sample_aspect: Fraction | None
    orientation: Orientation
    fields: FieldOrder
    mastering: MasteringDisplay | None
    light: ContentLight | None
    chroma_location: ChromaLocation
    cropping: Borders | None
    track: SourceTrack
    timeline: Timeline
    first_pts: int | None
    last_end: int | None
    key_count: int
    encoder_notes: bytes
    lasting: list[LastingSideData]
    passthrough: list[PassthroughStream]
    passthrough_numbers: dict[int, int]
    duration_s: float | None
    bit_rate: int | None
    language: str
    disposition: int
    metadata: Tags
    stream_metadata: Tags
    chapters: list[Chapter]
    findings: list[Finding]
    damaged_packets: frozenset[int]
    damage: list[Finding]
    streams: list[Facts]
    description: Facts

    @property
    def end(self) -> int:
        """Return when the last frame is gone; where the file does not tell how long it is shown, a frame at the usual
        rate."""
        latest = (self.track.known_times or [0])[-1]
        if self.last_end is not None and self.last_end > latest:
            return self.last_end
        return latest + max(1, round(1 / self.rate / self.time_base))


class FirstFrame(NamedTuple):
    """What the first decoded frame has beside samples; bare packets lose some of it."""

    side_data: FrameSideData
    fields: FieldOrder
    pts: int | None
    colour: Colour
    size: tuple[int, int]

    @classmethod
    def of(cls, frame: av.VideoFrame) -> FirstFrame:
        """Return what a frame has that the container's own decoder gave."""
        size = frame.width, frame.height
        return cls(side_data_of_frame(frame), order_of(frame), frame.pts, Colour.of(frame), size)


def packets_as_scanned(found: Scan, container: InputContainer, streams: list[Any]) -> Iterator[av.Packet[Any]]:
    """Yield all packets of another pass over a file, with their times in the output; the filtered stream is the first
    of `streams`.

    Raise UnreadableSource where that has fewer or more packets than were scanned: it may still be recorded.
    """
    count = 0
    for packet in map(found.timeline.mover(), packets_of(container, streams)):
        if packet.stream_index == streams[0].index:
            count += 1
            if count > len(found.track):
                break
        yield packet
    if count != len(found.track):
        raise UnreadableSource(found.path, "the file changed while it was read", "send it again once it is whole")
