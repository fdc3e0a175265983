"""Where a stage's frames come from: the chunk as the client sent it, or what the stage before handed on.

moviola/media/video/filtering/stages.py tells what is handed on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter
from typing import Protocol

from av import VideoFrame

from moviola.base.build_path import BuildPath, extended
from moviola.base.interlacing import FieldOrder
from moviola.filters.picture import Picture
from moviola.media.bundle import read, read_table
from moviola.media.errors import BundleError
from moviola.media.fingerprint import fingerprint
from moviola.media.report import Seconds
from moviola.media.video.bundle import ChunkTable
from moviola.media.video.fields import TELLS_EACH, order_of
from moviola.media.video.filtering.decode import ChunkDecoder, DecodeReport, count_one
from moviola.media.video.filtering.exact import unpacked
from moviola.media.video.filtering.intermediate import Intermediate, PictureAt, StageFailure
from moviola.media.video.filtering.rotation import orient
from moviola.media.video.frame_format import Colour
from moviola.media.video.headers import VideoProcess
from moviola.media.video.memory import MAX_PIXELS

Payload = bytes | bytearray | memoryview


@dataclass(slots=True, eq=False)
class FrameItem:
    """A frame on its way through a chain.

    `place` counts the frames that the chunk's decoder gives, context included; `index` is the frame's own in the
    source. Context frames, which are not `own`, are for filters that look back. `picture` is what the filters so far
    made of it, None where no later filter may see it. With a `failure` (filter, traceback) of an earlier stage,
    `picture` is what that filter saw, and the filters behind only remember it. `source` is the source's own picture,
    turned upright, where it is at hand. `size` is what `picture` should have by the size of the source's: a source may
    change its size midway.
    """

    place: int
    index: int
    own: bool
    size: tuple[int, int]
    picture: Picture | None
    source: Picture | None = None
    failure: StageFailure | None = None
    latency_ms: float = 0.0

    @property
    def is_drawn(self) -> bool:
        """Return whether a filter has made the picture."""
        return self.picture is not None and (self.source is None or self.picture.frame is not self.source.frame)


class FrameSource(Protocol):
    """Where a stage's frames come from, in order; those that are context first. Iterate once.

    `chunk` is the source's, `table` tells what is in it; `size` (width, height), `pixel_aspect` and `fields` what the
    pictures should have; `context_frames` how many frames come before the own ones, unless the video begins later;
    `seconds` are those of the stages before, `builds` has the build of each of their steps; `report` is complete once
    all frames have been taken.
    """

    chunk: Payload
    table: ChunkTable
    size: tuple[int, int]
    pixel_aspect: Fraction | None
    fields: FieldOrder
    context_frames: int
    report: DecodeReport
    seconds: Seconds
    builds: BuildPath

    def __iter__(self) -> Iterator[FrameItem]: ...

    def source(self, item: FrameItem) -> Picture:
        """Return the source's own picture of one of the two frames taken last."""

    def let_go(self) -> None:
        """Free decoders now: the garbage collector would do so some chunks later."""


class Decoded:
    """The frames of a chunk as the client sent it. `on_preroll` is called after each packet of the preroll."""

    def __init__(
        self,
        chunk: Payload,
        process: VideoProcess,
        context_frames: int,
        on_preroll: Callable[[int], None] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.chunk = chunk
        self.size = process.display_width, process.display_height
        self.context_frames = context_frames
        self.seconds = Seconds()
        self.builds: BuildPath = ()
        self.pixel_aspect, self.fields = process.sample_aspect, process.upright_fields
        self._is_turned = process.orientation.mixes_lines
        self._tells_each = process.codec in TELLS_EACH
        self._orientation = process.orientation
        self._decoder = ChunkDecoder(chunk, process, context_frames, on_preroll, max_pixels)
        self.table = self._decoder.table
        self.report = self._decoder.report

    def __iter__(self) -> Iterator[FrameItem]:
        for place, decoded in enumerate(self._decoder):
            begun = perf_counter()
            picture = Picture(orient(decoded.frame, self._orientation), index=decoded.index)
            picture.fields = self._fields_of(decoded.frame)
            if decoded.own and picture.fields and not self.fields:
                self.report.unmarked_fields += 1
            turning = perf_counter() - begun
            self.seconds.convert += turning
            self.seconds.decode -= turning  # whoever takes the frame counts all the time until it is there as decoding
            size = picture.width, picture.height
            if decoded.own:
                if size != self.size:
                    count_one(self.report.other_sizes, f"{size[0]}x{size[1]}")
                count_one(self.report.formats, decoded.frame.format.name)
                count_one(self.report.colours, Colour.of(decoded.frame).name)
            yield FrameItem(place, decoded.index, decoded.own, size, picture, picture)

    def _fields_of(self, frame: VideoFrame) -> FieldOrder:
        if self._is_turned:
            return FieldOrder.PROGRESSIVE
        return order_of(frame) or (FieldOrder.PROGRESSIVE if self._tells_each else self.fields)

    def source(self, item: FrameItem) -> Picture:
        """Return the source picture of a frame."""
        assert item.source is not None
        return item.source

    def let_go(self) -> None:
        """Free the decoder and the frames that it holds."""
        del self._decoder


class IntermediateSource:
    """The frames of an intermediate. Raise BundleError where the payload is none."""

    def __init__(
        self,
        payload: Payload,
        process: VideoProcess,
        on_preroll: Callable[[int], None] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        handed, parts = read(Intermediate, payload)
        if not parts:
            raise BundleError("this is not an intermediate from one stage to the next: it has no chunk")
        self.chunk: Payload = parts[0]
        self.table = read_table(ChunkTable, self.chunk)
        self.size: tuple[int, int] = handed.size
        self.pixel_aspect, self.fields = handed.aspect, handed.fields
        self.context_frames, self.reach = handed.context, handed.reach
        self.report, self.seconds, self.builds = handed.decoding, handed.seconds, handed.builds
        self._entries = handed.shots
        self._drawn = unpacked(handed.runs, parts[1:])
        self._process, self._on_preroll, self._max_pixels = process, on_preroll, max_pixels
        self._sources: Iterator[FrameItem] | None = None  # decoded again once one is wanted
        self._recent = deque[FrameItem](maxlen=2)

    def __iter__(self) -> Iterator[FrameItem]:
        for place, index, own, size, fields, picture_at, notes, failure, latency_ms in self._entries:
            item = FrameItem(place, index, own, size or self.size, None, None, failure, latency_ms)
            frame = None
            if picture_at is PictureAt.SOURCE:
                item.source = self.source(item)
                frame = item.source.frame
            elif picture_at is PictureAt.DRAWN:
                frame = next(self._drawn, None)
                if frame is None:
                    raise BundleError(f"the picture of frame {index} was not handed on")
            if frame is not None:
                item.picture = Picture(frame, index=index, notes=tuple(notes), fields=fields)
            yield item

    def source(self, item: FrameItem) -> Picture:
        """Return the source picture of a frame, decoded again where it was not handed on.

        Raises:
            BundleError: the chunk does not give this frame.
        """
        if item.source is not None:
            return item.source
        if self._sources is None:
            self._sources = iter(Decoded(self.chunk, self._process, self.reach, self._on_preroll, self._max_pixels))
        while not self._recent or self._recent[-1].place < item.place:
            decoded = next(self._sources, None)
            if decoded is None:
                break
            self._recent.append(decoded)
        for each in self._recent:
            if each.place == item.place and each.source is not None:
                return each.source
        raise BundleError(f"the chunk does not give frame {item.index}, which an earlier stage got from it")

    def let_go(self) -> None:
        """Free the decoder and the frames that it holds."""
        self._sources = None
        self._recent.clear()


def frame_source_of(
    payload: Payload,
    process: VideoProcess,
    stage: range,
    context_frames: int,
    on_preroll: Callable[[int], None],
    max_pixels: int,
) -> FrameSource:
    """Return the source of a stage's frames. `context_frames` is for the first stage, `max_pixels` for what is decoded
    of the chunk."""
    if stage.start:
        return IntermediateSource(payload, process, on_preroll, max_pixels)
    return Decoded(payload, process, context_frames, on_preroll, max_pixels)


def builds_after(before: BuildPath, stage: range) -> BuildPath:
    """Return the build of each step that is done after `stage`, which this process does. The middleware, which opens no
    payload, expects the same path (middleware/model/track.py, `fingerprint_of`)."""
    return extended(before, fingerprint(), len(stage))
