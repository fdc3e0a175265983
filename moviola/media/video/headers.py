"""What travels in a Source of kind "video": what a worker, and what the splicer, must know beside chunks and results.

A client makes these from a file (moviola/media/video/cutting/split.py). Who has them from a message reads them once, by
`moviola.media.material.header`, where the work on a chunk or on an output begins.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final, Protocol

from moviola.base.interlacing import FieldOrder
from moviola.base.mapped import SIGNED, Mapped, Ticks
from moviola.base.records import record
from moviola.media.video.cropping import Borders
from moviola.media.video.frame_format import ChromaLocation
from moviola.media.video.mastering import ContentLight, MasteringDisplay
from moviola.media.video.orientation import Orientation
from moviola.media.video.reading.timeline import Stretch

Tags = dict[str, str]
"""What a container's author noted, under names of their own."""


ATTACHMENT: Final = "attachment"
COVER: Final = "cover"

REORDERED: Final = 20
"""Frames from the one that is decoded to the one that is shown meanwhile, with every encoder and preset: x264 and x265
put up to 16 B-frames between two others, and decode two ahead."""


class Timing(Protocol):
    """When a source's frames are shown, as both headers tell it."""

    @property
    def time_base(self) -> Fraction:
        """The unit of the source's times, in seconds."""

    @property
    def rate(self) -> Fraction:
        """Frames a second, by which a source without times is shown."""

    @property
    def first_pts(self) -> int | None:
        """When the first frame is shown, in units of `time_base`; None where that is not known."""


@record
class DecoderParameters(Mapped):
    """What a CodecContext must be told to decode bare packets.

    Attributes:
        codec: FFmpeg's name of the decoder.
        extradata: the codec's headers, where they are not in the packets.
        codec_tag: four characters, or none.
        width (pixels): of what is decoded, before it is turned.
        height (pixels): as `width`.
        pix_fmt: FFmpeg's name of the pixel format.
        bits_per_coded_sample (bits): as the container says.
        reorder_depth (frames): by how many the decoder may hold a frame back.
        color_range, color_primaries, color_trc, colorspace: as FFmpeg numbers them.
        field_order: as FFmpeg numbers it; some decoders believe it.
    """

    codec: str
    extradata: bytes | None
    codec_tag: str
    width: int
    height: int
    pix_fmt: str | None
    bits_per_coded_sample: int
    reorder_depth: int
    color_range: int
    color_primaries: int
    color_trc: int
    colorspace: int
    field_order: int


@record
class VideoProcess(DecoderParameters):
    """`Source.process`: all that a worker needs beside a chunk.

    Attributes:
        time_base (s): of the source's times.
        rate (frames/s): of the source.
        first_pts (time base): when its first frame is shown, None where that is not known.
        context_frames (frames): that each chunk's preroll gives before its own ones, unless the video begins later.
        stages: several workers may share a chain (moviola/media/video/filtering/stages.py).
        orientation: how a decoded picture is turned before any filter.
        display_width (pixels): of a picture so turned.
        display_height (pixels): as `display_width`.
        sample_aspect: of a pixel of it, width by height; None where the file does not tell.
        fields: the order of its fields, as its first frame or its stream tells it.
        mastering: the display on which it was mastered, None where the file does not tell.
        light: how bright its pictures are; None likewise.
        chroma_location: where its chroma samples lie.
    """

    time_base: Fraction
    rate: Fraction
    first_pts: Ticks | None
    context_frames: int
    stages: bool
    orientation: Orientation
    display_width: int
    display_height: int
    sample_aspect: Fraction | None
    fields: FieldOrder = FieldOrder.PROGRESSIVE
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None
    chroma_location: ChromaLocation = ChromaLocation.USUAL

    @property
    def upright_fields(self) -> FieldOrder:
        """The order of the fields once the picture is turned, which may mix them."""
        return FieldOrder.PROGRESSIVE if self.orientation.mixes_lines else self.fields


@record
class Chapter(Mapped):
    """A chapter of the source; `start` and `end` in `time_base`, which is in seconds."""

    id: Annotated[int, SIGNED]
    start: Ticks
    end: Ticks
    time_base: Fraction
    metadata: Tags


@record
class StreamTags(Mapped):
    """What the container says of the filtered stream; `disposition` are FFmpeg's flags."""

    language: str
    disposition: int
    metadata: Tags


@record
class PassthroughStream(Mapped):
    """A stream that is not filtered.

    Attributes:
        stream: its number, from 1, as in `Chunk.stream`.
        type: as FFmpeg names it: `audio`, `subtitle`, `data` or `attachment`; `cover` of a cover picture.
        codec: FFmpeg's name; empty where it has none.
        time_base (s): of its packets' times.
        template: a file of the format `template_format` with one packet in it, whose first stream is given to
            `add_stream_from_template`. Empty of an attachment or a cover, whose only packet is a file by itself.
        template_format: one of media.video.templates.TEMPLATE_FORMATS.
        language, metadata, disposition: as of StreamTags.
        index: of it in the source, by which people are told of it.
        first: its first packets, in the layout of a chunk, with which it is tried what a container takes; empty of an
            attachment or a cover.
        changes_at (time base): when a sound first changes its channels or its rate, for which players need new headers;
            None where it does not.
        has_new_headers: they come beside its packets, and not in them, where no container keeps them.
        has_markup: text subtitles have markup or styles, which another notation of texts does not keep.
        overlaps: of text subtitles, a line is still shown where the next one begins.
    """

    stream: int
    type: str
    codec: str
    time_base: Fraction
    template: bytes
    template_format: str
    language: str
    metadata: Tags
    disposition: int
    first: bytes
    index: int
    changes_at: Ticks | None = None
    has_new_headers: bool = False
    has_markup: bool = False
    overlaps: bool = False

    @property
    def is_file(self) -> bool:
        """True of an attachment or a cover picture: not shown over time, but a file within the file."""
        return self.type in (ATTACHMENT, COVER)

    @property
    def label(self) -> str:
        """What people are told it is."""
        parts = (self.type, self.codec, self.metadata.get("filename", "") if self.type == ATTACHMENT else "")
        return f"stream {self.index} ({', '.join(part for part in parts if part)})"


@record
class VideoSplice(Mapped):
    """`Source.splice`: all that the splicer needs beside the results.

    Attributes:
        container: FFmpeg's name of the source's format.
        time_base (s): of the source's times, in which results' times are as well.
        rate (frames/s): of the source.
        width (pixels): of the turned picture, before filters.
        height (pixels): as `width`.
        sample_aspect: of a pixel of it, None where the file does not tell.
        colour: as FFmpeg numbers them, by name: range, primaries, transfer, matrix.
        frame_count (packets): that give a frame; a few of them may turn out not to.
        pts_complete: every one of these has a timestamp; frames without one are shown at the rate.
        time_step (time base): of which the times of all shown frames are multiples; 0 where they are not known.
        first_pts (time base): where the shown frames begin, None where that is not known.
        last_end (time base): where they end: the last one's time and its duration.
        timeline: how times here are mapped back to the source's own, by `source_time` of its module.
        metadata: of the file.
        chapters: of the file.
        stream: the filtered stream's.
        passthrough: the other streams that are carried.
        longest_span (time base): from a shown frame to the one REORDERED places later, or to `last_end`, at most, by
            the times that are known; 0 where none is.
        cropping: what players cut off the turned picture; None: nothing.
    """

    container: str
    time_base: Fraction
    rate: Fraction
    width: int
    height: int
    sample_aspect: Fraction | None
    colour: dict[str, int]
    frame_count: int
    pts_complete: bool
    time_step: int
    first_pts: Ticks | None
    last_end: Ticks | None
    timeline: list[Stretch]
    metadata: Tags
    chapters: list[Chapter]
    stream: StreamTags
    passthrough: list[PassthroughStream]
    longest_span: int = 0
    cropping: Borders | None = None
