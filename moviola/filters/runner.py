"""Runs a chain of filters over the frames of a video, in order."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction

from moviola.base.failures import MAX_TRACEBACK
from moviola.base.interlacing import FieldOrder, Interlacing
from moviola.filters.base import FAILURES, Filter
from moviola.filters.interlacing import by_fields
from moviola.filters.picture import Picture
from moviola.filters.toolbox.opencv import is_out_of_memory


class FilterError(Exception):
    """Raised if a filter failed twice on a frame.

    Attributes:
        filter_name: which filter.
        frame: index of the source frame.
        seen: what filters behind it see of the frame: the picture that it was given, or black; None if not known.
        trace: the end of the traceback, as text.
    """

    def __init__(self, filter_name: str, frame: int, error: BaseException, seen: Picture | None = None) -> None:
        super().__init__(f"{filter_name} failed on frame {frame}: {type(error).__name__}: {error}")
        self.filter_name = filter_name
        self.frame = frame
        self.seen = seen
        self.trace = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]


class ChainRunner:
    """Apply a chain of filters to consecutive frames, and keep the earlier pictures that each of them needs.

    Show each frame once, in order: context frames to `prepare` (at least `context_frames` of them; fewer only at the
    start of the video), the others to `run`. Then the results do not depend on where the video was cut.

    Where a video changes its size or pixel format, its filters begin anew: a picture's earlier ones are those directly
    before it that are alike.
    """

    def __init__(self, filters: Iterable[Filter], *, hides_failed: bool = False) -> None:
        """Args:
        filters: in the order of the chain.
        hides_failed: filters behind one that failed on a frame see black instead of it.
        """
        self._filters = tuple(filters)
        self._hides_failed = hides_failed
        self._earlier = [deque[Picture](maxlen=each.context_frames) for each in self._filters]
        self._last_context = max((i for i, each in enumerate(self._filters) if each.context_frames), default=-1)

    @property
    def context_frames(self) -> int:
        """Return how many earlier source frames the chain needs: the sum over its filters."""
        return sum(each.context_frames for each in self._filters)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels of what the chain makes of frames of this size.

        Raises:
            UnsuitableSize: a filter cannot work on pictures of the size that reaches it.
        """
        for each in self._filters:
            width, height = each.output_size(width, height)
        return width, height

    def output_pixel_aspect(self, aspect: Fraction | None) -> Fraction | None:
        """Return width by height of the pixels of what the chain makes; None if not known."""
        for each in self._filters:
            aspect = each.output_pixel_aspect(aspect) if aspect else aspect
        return aspect

    def output_fields(self, fields: FieldOrder) -> FieldOrder:
        """Return the order of the fields of what the chain makes; progressive where a filter mixes them."""
        mixes = any(each.interlacing(vars(each)) == Interlacing.MIXES for each in self._filters)
        return FieldOrder.PROGRESSIVE if mixes else fields

    def run(self, picture: Picture) -> Picture:
        """Return the picture after all filters.

        Raises:
            FilterError: a filter failed twice. The next frame may be run all the same.
            MemoryError: the process has no memory left.
        """
        return self._through(picture, len(self._filters))

    def prepare(self, picture: Picture) -> None:
        """Show a frame that is only context. Filters behind the last one that looks back are skipped.

        A failure is not raised: later frames see what they would see if it had failed in `run`.

        Raises:
            MemoryError: the process has no memory left.
        """
        try:
            self._through(picture, self._last_context + 1, keep_last=True)
        except FilterError:
            return

    def pass_by(self, picture: Picture) -> None:
        """Remember a frame on which an earlier filter, on another worker, has failed; it is not filtered."""
        self._remember(picture, 0)

    def _remember(self, picture: Picture, position: int) -> None:
        for each in range(position, len(self._filters)):
            self._memory(each, picture).append(picture)

    def _memory(self, position: int, picture: Picture) -> deque[Picture]:
        """Return the earlier pictures that are kept for a filter. They are forgotten first if the last one has another
        size or format than `picture`."""
        memory = self._earlier[position]
        if memory and memory[-1].shape != picture.shape:
            memory.clear()
        return memory

    def _through(self, picture: Picture, count: int, keep_last: bool = False) -> Picture:
        for position, each in enumerate(self._filters[:count]):
            seen, earlier = picture, self._memory(position, picture)
            if not (keep_last and position == count - 1):  # of the last one only the memory is wanted
                try:
                    picture = self._apply(each, picture, tuple(earlier))
                except MemoryError:
                    raise  # of the whole process: it says nothing about this frame
                except FAILURES as error:
                    if is_out_of_memory(error):
                        raise MemoryError(str(error)) from error
                    raise self._failed(position, seen, error) from error
            earlier.append(seen)
        return picture

    def _failed(self, position: int, seen: Picture, error: BaseException) -> FilterError:
        """Return the error to raise. The filters behind the failed one remember the frame as that one got it, or
        black."""
        self._earlier[position].append(seen)
        left = seen.black() if self._hides_failed else seen
        self._remember(left, position + 1)
        return FilterError(self._filters[position].name, seen.index, error, left)

    @staticmethod
    def _apply(each: Filter, picture: Picture, earlier: tuple[Picture, ...]) -> Picture:
        """Return what a filter makes of a picture. One that fails is run once more: a passing lack of memory must not
        cost a frame."""
        with suppress(*FAILURES):
            return _applied(each, picture, earlier)
        return _applied(each, picture, earlier)


def _applied(each: Filter, picture: Picture, earlier: tuple[Picture, ...]) -> Picture:
    if not picture.fields:
        return each.apply(picture, earlier).seal()
    interlacing = each.interlacing(vars(each))
    if interlacing == Interlacing.EACH_FIELD:
        return by_fields(each.apply, picture, earlier).seal()
    output = each.apply(picture, earlier)
    if interlacing == Interlacing.MIXES and output is not picture:
        output.fields = FieldOrder.PROGRESSIVE
    return output.seal()
