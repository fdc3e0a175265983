"""A chunk whose filters are on several workers: what one hands on to the next, so that all comes out as if one had
done it.

A chain is then run in *stages*, each some of its steps in a row. What a stage but the last makes of a chunk is an
*intermediate*: a bundle (moviola/media/bundle.py) whose parts are the source's chunk as the client sent it, and what
moviola/media/video/exact.py made of the frames that a filter drew. Its table has

    "runs"     of these frames
    "shots"    [[place, index, own, damaged, kind, notes, failure, latency_ms], …] in order, see inlet.py's `Shot`;
               kind says where the picture is: "drawn" in the runs, "source" in the chunk, "" nowhere
    "context"  how many frames before the own ones the next stages' filters may look back at, at most
    "reach"    how many the chunk's decoder gives, at most
    "size", "aspect"
               [width, height] of what the filters so far should make of the source's pictures, and the shape of a
               pixel, a fraction or nil
    "decoding" what the decoder said of the chunk, once all of it was decoded
    "seconds"  of the stages so far
    "builds"   of each step so far, the build (moviola/media/fingerprint.py) of the worker that did it

Frames that no filter drew are not carried: the next stage decodes the chunk again where one is wanted. So a frame on
which a filter fails, now or later, can pass as the source has it, with all that the decoder hung on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter
from typing import Any

from moviola.base.failures import MAX_FAILURES_OF_CHUNK
from moviola.base.vocabulary import OnError
from moviola.filters.picture import Notes
from moviola.filters.registry import make_chain
from moviola.filters.runner import ChainRunner, FilterError
from moviola.media.bundle import pack
from moviola.media.errors import ProcessingFailed, TooLargeToHandOn, last_line
from moviola.media.material import Output
from moviola.media.video.exact import FramePacker
from moviola.media.video.inlet import DRAWN, NOWHERE, SOURCE, Inlet, Shot, builds_after

# What one worker sends at once: well below the 256 MiB that the wire carries, and held in memory twice.
MAX_SIZE = 192 * 1024 * 1024


def hand_on(
    inlet: Inlet, stage: range, output: Output, reach: int, bypass: bool, on_frame: Callable[[int], None]
) -> tuple[bytes, int]:
    """Runs the filters of a stage that is not the last; returns the intermediate and its count of own frames.

    `reach` is how many frames before its own ones the chunk's decoder gives. Raise ProcessingFailed where a filter
    fails and the output's policy is to fail, TooLargeToHandOn, BundleError.
    """
    return _Relay(inlet, stage, output, reach, bypass, on_frame).run()


class _Relay:
    """A chunk's way through a stage that is not the last."""

    def __init__(
        self,
        inlet: Inlet,
        stage: range,
        output: Output,
        reach: int,
        bypass: bool,
        on_frame: Callable[[int], None],
    ) -> None:
        self._inlet = inlet
        self._stage = stage
        self._output = output
        self._reach = reach
        self._bypass = bypass
        self._on_frame = on_frame
        self._runner = ChainRunner(make_chain(output.chain[stage.start : stage.stop]))
        self._next_context = max(0, inlet.context_frames - self._runner.context_frames)
        self._context: list[Shot] = []  # until the first own frame: only then it is known how many there are
        self._entries: list[list[Any]] = []
        self._packer = FramePacker()
        self._seconds = inlet.seconds
        self._failure_count = 0
        self._own_count = 0

    def run(self) -> tuple[bytes, int]:
        shots = iter(self._inlet)
        while True:
            begun = perf_counter()
            shot = next(shots, None)
            self._seconds.decode += perf_counter() - begun
            if shot is None:
                break
            self._filter(shot)
            self._pass_on(shot)
            shot.latency_ms += (perf_counter() - begun) * 1000
            if shot.own:
                self._own_count += 1
                self._entries[-1][-1] = shot.latency_ms
            self._on_frame(self._own_count)
        return self._intermediate(), self._own_count

    def _filter(self, shot: Shot) -> None:
        begun = perf_counter()
        if self._bypass:
            shot.picture = None
        elif shot.failure is not None:
            if shot.picture is not None:
                self._runner.pass_by(shot.picture)
        elif shot.picture is not None:
            try:
                shot.picture = self._runner.run(shot.picture)
            except FilterError as error:
                self._failed(shot, error)
        self._seconds.filter += perf_counter() - begun

    def _failed(self, shot: Shot, error: FilterError) -> None:
        if shot.own and self._output.on_error == OnError.FAIL:
            raise ProcessingFailed([shot.index], error.filter_name, error.trace) from error
        self._failure_count += shot.own
        trace = error.trace if self._failure_count <= MAX_FAILURES_OF_CHUNK else last_line(error.trace)
        shot.failure = error.filter_name, trace
        shot.picture = error.seen

    def _pass_on(self, shot: Shot) -> None:
        """Context frames wait for the first own one: where all that there may be came, the first of them were
        filtered without what comes before them, and nobody may see them."""
        if not shot.own:
            self._context.append(shot)
            return
        if self._context:
            known = self._runner.context_frames if len(self._context) == self._inlet.context_frames else 0
            for each in self._context[known:]:
                self._pack(each)
            self._context.clear()
        self._pack(shot)

    def _pack(self, shot: Shot) -> None:
        begun = perf_counter()
        if shot.failure is not None and not self._next_context:
            shot.picture = None  # nobody looks back at it
        kind, notes = NOWHERE, Notes()
        if shot.picture is not None:
            kind, notes = DRAWN if shot.is_drawn else SOURCE, shot.picture.notes
            if shot.is_drawn:
                self._packer.add(shot.picture.frame)
        entry = [shot.place, shot.index, shot.own, shot.damaged, kind, [dict(note) for note in notes]]
        self._entries.append([*entry, shot.failure, shot.latency_ms])
        size = self._packer.size + len(self._inlet.chunk)
        if size > MAX_SIZE:
            raise TooLargeToHandOn(size, MAX_SIZE, self._own_count)
        self._seconds.encode += perf_counter() - begun

    def _intermediate(self) -> bytes:
        runs, drawn = self._packer.finish()
        aspect = self._runner.output_pixel_aspect(self._inlet.pixel_aspect)
        parts = [self._inlet.chunk, *drawn]
        table = {
            "p": [[len(part)] for part in parts],
            "runs": runs,
            "shots": self._entries,
            "context": self._next_context,
            "reach": self._reach,
            "size": self._runner.output_size(*self._inlet.size),
            "aspect": None if aspect is None else [aspect.numerator, aspect.denominator],
            "decoding": asdict(self._inlet.report),
            "seconds": asdict(self._seconds),
            "builds": builds_after(self._inlet.builds, self._stage),
        }
        return pack(table, parts)
