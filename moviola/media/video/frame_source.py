"""Where a stage's frames come from: the chunk as the client sent it, or what the stage before handed on.

moviola/media/video/stages.py tells what is handed on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter
from typing import Any, Protocol

from moviola.base.build_path import BuildPath, extended
from moviola.filters.picture import Picture
from moviola.media.bundle import unpack
from moviola.media.errors import BundleError
from moviola.media.fingerprint import fingerprint
from moviola.media.report import Seconds
from moviola.media.video.decode import ChunkDecoder, DecodeReport
from moviola.media.video.exact import unpacked
from moviola.media.video.memory import MAX_PIXELS
from moviola.media.video.rotation import Orientation, orient

Payload = bytes | bytearray | memoryview

# Where the picture of a shot is that was handed on: in the runs, in the chunk, nowhere.
DRAWN, SOURCE, NOWHERE = "drawn", "source", ""


@dataclass(slots=True, eq=False)
class FrameItem:
    """A frame on its way through a chain.

    `place` counts the frames that the chunk's decoder gives, context included; `index` is the frame's own in the
    source. Context frames, which are not `own`, are for filters that look back. `picture` is what the filters so far
    made of it, None where no later filter may see it. With a `failure` (filter, traceback) of an earlier stage,
    `picture` is what that filter saw, and the filters behind only remember it. `source` is the source's own picture,
    turned upright, where it is at hand.
    """

    place: int
    index: int
    own: bool
    damaged: bool
    picture: Picture | None
    source: Picture | None = None
    failure: tuple[str, str] | None = None
    latency_ms: float = 0.0

    @property
    def is_drawn(self) -> bool:
        """Whether a filter has made the picture."""
        return self.picture is not None and (self.source is None or self.picture.frame is not self.source.frame)


class FrameSource(Protocol):
    """Where a stage's frames come from, in order; those that are context first. Iterate once.

    `chunk` is the source's; `size` (width, height) and `pixel_aspect` what the pictures should have; `context_frames`
    how many frames come before the own ones, unless the video begins later; `seconds` are those of the stages before,
    `builds` has the build of each of their steps; `report` is complete once all frames have been taken.
    """

    chunk: Payload
    size: tuple[int, int]
    pixel_aspect: Fraction | None
    context_frames: int
    report: DecodeReport
    seconds: Seconds
    builds: BuildPath

    def __iter__(self) -> Iterator[FrameItem]: ...

    def source(self, item: FrameItem) -> Picture:
        """The source's own picture of one of the two shots taken last."""

    def let_go(self) -> None:
        """Frees decoders now: the garbage collector would come some chunks later."""


class Decoded:
    """The frames of a chunk as the client sent it. `lead_in` is called after each packet of the lead-in."""

    def __init__(
        self,
        chunk: Payload,
        source_process: dict[str, Any],
        context_frames: int,
        lead_in: Callable[[int], None] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.chunk = chunk
        self.size = (int(source_process["display_width"]), int(source_process["display_height"]))
        self.context_frames = context_frames
        self.seconds = Seconds()
        self.builds: BuildPath = ()
        aspect = source_process["sample_aspect"]
        self.pixel_aspect = None if aspect is None else Fraction(*aspect)
        self._orientation = Orientation(*source_process["orientation"])
        self._decoder = ChunkDecoder(chunk, source_process, context_frames, lead_in, max_pixels)
        self.report = self._decoder.report

    def __iter__(self) -> Iterator[FrameItem]:
        for place, decoded in enumerate(self._decoder):
            begun = perf_counter()
            picture = Picture(orient(decoded.frame, self._orientation), index=decoded.index)
            turning = perf_counter() - begun
            self.seconds.convert += turning
            self.seconds.decode -= turning  # whoever takes the frame counts all the time until it is there as decoding
            yield FrameItem(place, decoded.index, decoded.own, decoded.damaged, picture, picture)

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
        source_process: dict[str, Any],
        lead_in: Callable[[int], None] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        table, parts = unpack(payload)
        try:
            self.chunk: Payload = parts[0]
            self.size = (int(table["size"][0]), int(table["size"][1]))
            self.pixel_aspect = None if table["aspect"] is None else Fraction(*table["aspect"])
            self.context_frames = int(table["context"])
            self.report = DecodeReport(**table["decoding"])
            self.seconds = Seconds(**table["seconds"])
            self.builds = tuple(str(build) for build in table["builds"])
            self._entries: list[list[Any]] = table["shots"]
            self._drawn = unpacked(table["runs"], parts[1:])
            self.reach = int(table["reach"])
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise BundleError(f"this is nothing that one stage hands on to the next: {error!r}") from error
        self._source_process, self._lead_in, self._max_pixels = source_process, lead_in, max_pixels
        self._sources: Iterator[FrameItem] | None = None  # decoded again once one is wanted
        self._recent = deque[FrameItem](maxlen=2)

    def __iter__(self) -> Iterator[FrameItem]:
        for place, index, own, damaged, kind, notes, failure, latency_ms in self._entries:
            item = FrameItem(place, index, own, damaged, None, None, tuple(failure) if failure else None, latency_ms)
            frame = None
            if kind == SOURCE:
                item.source = self.source(item)
                frame = item.source.frame
            elif kind == DRAWN:
                frame = next(self._drawn, None)
                if frame is None:
                    raise BundleError(f"the picture of frame {index} was not handed on")
            if frame is not None:
                item.picture = Picture(frame, index=index, notes=tuple(notes))
            yield item

    def source(self, item: FrameItem) -> Picture:
        """Return the source picture of a frame, decoded again where it was not handed on.

        Raises:
            BundleError: the chunk does not give this frame.
        """
        if item.source is not None:
            return item.source
        if self._sources is None:
            self._sources = iter(Decoded(self.chunk, self._source_process, self.reach, self._lead_in, self._max_pixels))
        while not self._recent or self._recent[-1].place < item.place:
            decoded = next(self._sources, None)
            if decoded is None:
                break
            self._recent.append(decoded)
        for each in self._recent:
            if each.place == item.place and each.source is not None:
                return each.source
        raise BundleError(f"the chunk does not give frame {item.index}, which an earlier stage had of it")

    def let_go(self) -> None:
        """Free the decoder and the frames that it holds."""
        self._sources = None
        self._recent.clear()


def frame_source_of(
    payload: Payload,
    source_process: dict[str, Any],
    stage: range,
    context_frames: int,
    lead_in: Callable[[int], None],
    max_pixels: int,
) -> FrameSource:
    """Where the frames of a stage come from; `context_frames` is for the first one, `max_pixels` for what is decoded of
    the source."""
    if stage.start:
        return IntermediateSource(payload, source_process, lead_in, max_pixels)
    return Decoded(payload, source_process, context_frames, lead_in, max_pixels)


def builds_after(before: BuildPath, stage: range) -> BuildPath:
    """Return the build of each step that is done after `stage`, which this process does. The middleware, which opens no
    payload, expects the same path (middleware/model/track.py, `fingerprint_of`)."""
    return extended(before, fingerprint(), len(stage))
