"""A chunk whose filters are on several workers: what one hands on to the next, so that all comes out as if one had
done it.

A chain is then run in *stages*, each some of its steps in a row. What a stage but the last makes of a chunk is an
*intermediate* (moviola/media/video/filtering/intermediate.py).

Frames that no filter drew are not carried: the next stage decodes the chunk again where one is wanted. So a frame on
which a filter fails, now or later, can pass as the source has it, with all that the decoder hung on it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from moviola.base.failures import MAX_FAILURES_OF_CHUNK
from moviola.base.interlacing import FieldOrder
from moviola.base.vocabulary import OnError
from moviola.filters.base import UnsuitableSize
from moviola.filters.picture import Notes
from moviola.filters.registry import make_chain
from moviola.filters.runner import ChainRunner, FilterError
from moviola.media.bundle import pack
from moviola.media.errors import ProcessingFailed, TooLargeToHandOn, last_line
from moviola.media.material import Output
from moviola.media.video.filtering.exact import FramePacker
from moviola.media.video.filtering.frame_source import FrameItem, FrameSource, builds_after
from moviola.media.video.filtering.intermediate import Intermediate, PartEntry, PictureAt, ShotEntry, Size, StageFailure

# What one worker sends at once: well below the 256 MiB that the wire carries, and held in memory twice.
MAX_SIZE = 192 * 1024 * 1024


def hand_on(
    frame_source: FrameSource, stage: range, output: Output, reach: int, bypass: bool, on_frame: Callable[[int], None]
) -> tuple[bytes, int]:
    """Run the filters of a stage that is not the last; return the intermediate and its count of own frames.

    `reach` is how many frames before its own ones the chunk's decoder gives. Raise ProcessingFailed where a filter
    fails and the output's policy is to fail, TooLargeToHandOn, BundleError.
    """
    return _StageRunner(frame_source, stage, output, reach, bypass, on_frame).run()


class _StageRunner:
    """A chunk's way through a stage that is not the last."""

    def __init__(
        self,
        frame_source: FrameSource,
        stage: range,
        output: Output,
        reach: int,
        bypass: bool,
        on_frame: Callable[[int], None],
    ) -> None:
        self._frame_source = frame_source
        self._stage = stage
        self._output = output
        self._reach = reach
        self._bypass = bypass
        self._on_frame = on_frame
        filters = make_chain(output.chain[stage.start : stage.stop])
        self._runner = ChainRunner(filters, hides_failed=output.on_error == OnError.BLACK)
        self._next_context = max(0, frame_source.context_frames - self._runner.context_frames)
        self._context: list[FrameItem] = []  # until the first own frame: only then it is known how many there are
        self._entries: list[ShotEntry] = []
        self._packer = FramePacker()
        self._seconds = frame_source.seconds
        self._failure_count = 0
        self._own_count = 0

    def run(self) -> tuple[bytes, int]:
        items = iter(self._frame_source)
        while True:
            begun = perf_counter()
            item = next(items, None)
            self._seconds.decode += perf_counter() - begun
            if item is None:
                break
            self._filter(item)
            self._pass_on(item)
            item.latency_ms += (perf_counter() - begun) * 1000
            if item.own:
                self._own_count += 1
                self._entries[-1] = self._entries[-1]._replace(latency_ms=item.latency_ms)
            self._on_frame(self._own_count)
        return self._intermediate(), self._own_count

    def _filter(self, item: FrameItem) -> None:
        begun = perf_counter()
        if self._bypass:
            item.picture = None
        elif item.failure is not None:
            if item.picture is not None:
                self._runner.pass_by(item.picture)
        elif item.picture is not None:
            try:
                item.picture = self._runner.run(item.picture)
            except FilterError as error:
                self._failed(item, error)
        self._seconds.filter += perf_counter() - begun

    def _failed(self, item: FrameItem, error: FilterError) -> None:
        if item.own and self._output.on_error == OnError.FAIL:
            raise ProcessingFailed([item.index], error.filter_name, error.trace) from error
        self._failure_count += item.own
        trace = error.trace if self._failure_count <= MAX_FAILURES_OF_CHUNK else last_line(error.trace)
        item.failure = StageFailure(error.filter_name, trace)
        item.picture = error.seen

    def _pass_on(self, item: FrameItem) -> None:
        """Pack a frame for the next stage. Context frames are kept back until the first own one comes. If as many
        came as there can be, the video begins before them, and the first of them were filtered without the frames that
        filters look back at: these are not packed, so that nobody sees them."""
        if not item.own:
            self._context.append(item)
            return
        if self._context:
            known = self._runner.context_frames if len(self._context) == self._frame_source.context_frames else 0
            for each in self._context[known:]:
                self._pack(each)
            self._context.clear()
        self._pack(item)

    def _pack(self, item: FrameItem) -> None:
        begun = perf_counter()
        if item.failure is not None and not self._next_context:
            item.picture = None  # nobody looks back at it
        at, notes = PictureAt.NOWHERE, Notes()
        if item.picture is not None:
            at, notes = PictureAt.DRAWN if item.is_drawn else PictureAt.SOURCE, item.picture.notes
            if item.is_drawn:
                self._packer.add(item.picture.frame)
        told, about = [dict(note) for note in notes], (item.place, item.index, item.own)
        fields = item.picture.fields if item.picture is not None else FieldOrder.PROGRESSIVE
        self._entries.append(ShotEntry(*about, self._size_after(item), fields, at, told, item.failure, item.latency_ms))
        size = self._packer.size + len(self._frame_source.chunk)
        if size > MAX_SIZE:
            raise TooLargeToHandOn(size, MAX_SIZE, self._own_count)
        self._seconds.encode += perf_counter() - begun

    def _size_after(self, item: FrameItem) -> Size | None:
        if item.size == self._frame_source.size:
            return None
        try:
            return Size(*self._runner.output_size(*item.size))
        except UnsuitableSize:
            return Size(*item.size)  # the filter has failed on it

    def _intermediate(self) -> bytes:
        runs, drawn = self._packer.finish()
        parts = [self._frame_source.chunk, *drawn]
        made = Intermediate(
            p=[PartEntry(len(part)) for part in parts],
            runs=runs,
            shots=self._entries,
            context=self._next_context,
            reach=self._reach,
            size=Size(*self._runner.output_size(*self._frame_source.size)),
            aspect=self._runner.output_pixel_aspect(self._frame_source.pixel_aspect),
            fields=self._runner.output_fields(self._frame_source.fields),
            decoding=self._frame_source.report,
            seconds=self._seconds,
            builds=builds_after(self._frame_source.builds, self._stage),
        )
        return pack(made.to_wire(), parts)
