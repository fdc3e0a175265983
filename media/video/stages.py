"""A chunk whose filters are on several workers: what one hands on to the next, so that all comes out as if one had
done it.

A chain is then run in *stages*, each some of its steps in a row. What a stage but the last makes of a chunk is an
*intermediate*: a bundle (media/bundle.py) whose parts are the source's chunk as the client sent it, and what
media/video/exact.py made of the frames that a filter drew. Its table has

    "runs"     of these frames
    "shots"    [[place, index, own, damaged, kind, notes, failure, latency_ms], …] in order, see `Shot`;
               kind says where the picture is: "drawn" in the runs, "source" in the chunk, "" nowhere
    "context"  how many frames before the own ones the next stages' filters may look back at, at most
    "reach"    how many the chunk's decoder gives, at most
    "size", "aspect"
               [width, height] of what the filters so far should make of the source's pictures, and the shape of a
               pixel, a fraction or nil
    "decoding" what the decoder said of the chunk, once all of it was decoded
    "seconds", "fingerprint"
               of the stages so far

Frames that no filter drew are not carried: the next stage decodes the chunk again where one is wanted. So a frame on
which a filter fails, now or later, can pass as the source has it, with all that the decoder hung on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from time import perf_counter
from typing import Any, Protocol

from filters.chain import Step
from filters.picture import Notes, Picture
from filters.registry import make_chain
from filters.runner import ChainRunner, FilterError
from media.bundle import pack, unpack
from media.errors import BundleError, ProcessingFailed, TooLargeToHandOn, last_line
from media.fingerprint import fingerprint
from media.material import Output
from media.report import FAILURES_TOLD_MAX, Seconds
from media.video.decode import ChunkDecoder, DecodeReport
from media.video.exact import FramePacker, unpacked
from media.video.rotation import Orientation, orient

Payload = bytes | bytearray | memoryview

# What one worker sends at once: well below the 256 MiB that the wire carries, and held in memory twice.
SIZE_MAX = 192 * 1024 * 1024

DRAWN, SOURCE, NOWHERE = "drawn", "source", ""


@dataclass(slots=True, eq=False)
class Shot:
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


class Inlet(Protocol):
    """Where a stage's frames come from, in order; those that are context first. Iterate once.

    `chunk` is the source's; `size` (width, height) and `pixel_aspect` what the pictures should have; `context_frames`
    how many frames come before the own ones, unless the video begins later; `seconds` and `fingerprint` those of the
    stages before; `report` is complete once all frames have been taken.
    """

    chunk: Payload
    size: tuple[int, int]
    pixel_aspect: Fraction | None
    context_frames: int
    report: DecodeReport
    seconds: Seconds
    fingerprint: str

    def __iter__(self) -> Iterator[Shot]: ...

    def source(self, shot: Shot) -> Picture:
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
    ) -> None:
        self.chunk = chunk
        self.size = (int(source_process["display_width"]), int(source_process["display_height"]))
        self.context_frames = context_frames
        self.seconds = Seconds()
        self.fingerprint = fingerprint()
        aspect = source_process["sample_aspect"]
        self.pixel_aspect = None if aspect is None else Fraction(*aspect)
        self._orientation = Orientation(*source_process["orientation"])
        self._decoder = ChunkDecoder(chunk, source_process, context_frames, lead_in)
        self.report = self._decoder.report

    def __iter__(self) -> Iterator[Shot]:
        for place, decoded in enumerate(self._decoder):
            begun = perf_counter()
            picture = Picture(orient(decoded.frame, self._orientation), index=decoded.index)
            turning = perf_counter() - begun
            self.seconds.convert += turning
            self.seconds.decode -= turning  # whoever takes the frame counts all the time until it is there as decoding
            yield Shot(place, decoded.index, decoded.own, decoded.damaged, picture, picture)

    def source(self, shot: Shot) -> Picture:
        assert shot.source is not None
        return shot.source

    def let_go(self) -> None:
        del self._decoder


class Handed:
    """The frames of an intermediate. Raise BundleError where the payload is none."""

    def __init__(
        self,
        payload: Payload,
        source_process: dict[str, Any],
        lead_in: Callable[[int], None] | None = None,
    ) -> None:
        table, parts = unpack(payload)
        try:
            self.chunk: Payload = parts[0]
            self.size = (int(table["size"][0]), int(table["size"][1]))
            self.pixel_aspect = None if table["aspect"] is None else Fraction(*table["aspect"])
            self.context_frames = int(table["context"])
            self.report = DecodeReport(**table["decoding"])
            self.seconds = Seconds(**table["seconds"])
            self.fingerprint = joined_fingerprint(str(table["fingerprint"]), fingerprint())
            self._entries: list[list[Any]] = table["shots"]
            self._drawn = unpacked(table["runs"], parts[1:])
            self.reach = int(table["reach"])
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise BundleError(f"this is nothing that one stage hands on to the next: {error!r}") from error
        self._source_process, self._lead_in = source_process, lead_in
        self._sources: Iterator[Shot] | None = None  # decoded again once one is wanted
        self._recent = deque[Shot](maxlen=2)

    def __iter__(self) -> Iterator[Shot]:
        for place, index, own, damaged, kind, notes, failure, latency_ms in self._entries:
            shot = Shot(place, index, own, damaged, None, None, tuple(failure) if failure else None, latency_ms)
            frame = None
            if kind == SOURCE:
                shot.source = self.source(shot)
                frame = shot.source.frame
            elif kind == DRAWN:
                frame = next(self._drawn, None)
                if frame is None:
                    raise BundleError(f"the picture of frame {index} was not handed on")
            if frame is not None:
                shot.picture = Picture(frame, index=index, notes=tuple(notes))
            yield shot

    def source(self, shot: Shot) -> Picture:
        if shot.source is not None:
            return shot.source
        if self._sources is None:
            self._sources = iter(Decoded(self.chunk, self._source_process, self.reach, self._lead_in))
        while not self._recent or self._recent[-1].place < shot.place:
            decoded = next(self._sources, None)
            if decoded is None:
                break
            self._recent.append(decoded)
        for each in self._recent:
            if each.place == shot.place and each.source is not None:
                return each.source
        raise BundleError(f"the chunk does not give frame {shot.index}, which an earlier stage had of it")

    def let_go(self) -> None:
        self._sources = None
        self._recent.clear()


def inlet_of(
    payload: Payload, source_process: dict[str, Any], stage: range, context_frames: int, lead_in: Callable[[int], None]
) -> Inlet:
    """Where the frames of a stage come from; `context_frames` is for the first one."""
    if stage.start:
        return Handed(payload, source_process, lead_in)
    return Decoded(payload, source_process, context_frames, lead_in)


def hand_on(
    inlet: Inlet, steps: Sequence[Step], output: Output, reach: int, bypass: bool, on_frame: Callable[[int], None]
) -> tuple[bytes, int]:
    """Runs the filters of a stage that is not the last; returns the intermediate and its count of own frames.

    `reach` is how many frames before its own ones the chunk's decoder gives. Raise ProcessingFailed where a filter
    fails and the output's policy is to fail, TooLargeToHandOn, BundleError.
    """
    return _Relay(inlet, steps, output, reach, bypass, on_frame).run()


class _Relay:
    """A chunk's way through a stage that is not the last."""

    def __init__(
        self,
        inlet: Inlet,
        steps: Sequence[Step],
        output: Output,
        reach: int,
        bypass: bool,
        on_frame: Callable[[int], None],
    ) -> None:
        self._inlet = inlet
        self._output = output
        self._reach = reach
        self._bypass = bypass
        self._on_frame = on_frame
        self._runner = ChainRunner(make_chain(steps))
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
        if shot.own and self._output.on_error == "fail":
            raise ProcessingFailed([shot.index], error.filter_name, error.trace) from error
        self._failure_count += shot.own
        trace = error.trace if self._failure_count <= FAILURES_TOLD_MAX else last_line(error.trace)
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
        if size > SIZE_MAX:
            raise TooLargeToHandOn(size, SIZE_MAX, self._own_count)
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
            "fingerprint": self._inlet.fingerprint,
        }
        return pack(table, parts)


def joined_fingerprint(before: str, own: str) -> str:
    """Of workers that took turns; the same one again says nothing new."""
    return before if before.rsplit(" + ", maxsplit=1)[-1] == own else f"{before} + {own}"
