"""What one stage of a chain hands on to the next: a bundle (moviola/media/bundle.py).

Its parts are the source's chunk, as the client sent it, and what exact.py made of the frames that a filter drew.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, NamedTuple

from moviola.base.build_path import BuildPath
from moviola.base.interlacing import FieldOrder
from moviola.base.mapped import SIGNED, Mapped
from moviola.base.records import record
from moviola.media.report import Note, Seconds
from moviola.media.video.filtering.decode import DecodeReport
from moviola.media.video.filtering.exact import Run


class PictureAt(StrEnum):
    """Where the picture of a frame is."""

    DRAWN = "drawn"  # among the runs
    SOURCE = "source"  # in the chunk
    NOWHERE = ""


class StageFailure(NamedTuple):
    """Which filter of an earlier stage failed on a frame, and how."""

    filter: str
    traceback: str


class Size(NamedTuple):
    """The size of pictures, in pixels."""

    width: int
    height: int


class ShotEntry(NamedTuple):
    """A frame that is handed on.

    Attributes:
        place: of the frame among those that the chunk's decoder gives, context included.
        frame: its index in the source.
        own: False for context, which is for filters that look back.
        size: that its picture should have, None where it is the intermediate's.
        fields: the order of the picture's.
        picture: where it is.
        notes: what filters noted of it so far.
        failure: None where no filter failed on it.
        latency_ms (ms): what the stages so far took for it.
    """

    place: int
    frame: Annotated[int, SIGNED]
    own: bool
    size: Size | None
    fields: FieldOrder
    picture: PictureAt
    notes: list[Note]
    failure: StageFailure | None
    latency_ms: float


class PartEntry(NamedTuple):
    """A part of the bundle: its bytes."""

    size: int


@record
class Intermediate(Mapped):
    """What a stage made of a chunk.

    Attributes:
        p: the chunk, and the parts of the runs.
        runs: the frames that a filter drew, in order.
        shots: all frames in order.
        context (frames): how many come before the own ones, at most, that the next stages' filters may look back at.
        reach (frames): how many of these the chunk's decoder gives, at most.
        size: of what the filters so far should make of the source's pictures.
        aspect: the shape of a pixel of these, None where it is not known.
        fields: the order of their fields.
        decoding: what the decoder said of the chunk, once all of it was decoded.
        seconds: where the time of the stages so far went.
        builds: of each step so far, the build (moviola/media/fingerprint.py) of the worker that did it.
    """

    p: list[PartEntry]
    runs: list[Run]
    shots: list[ShotEntry]
    context: int
    reach: int
    size: Size
    aspect: Fraction | None
    fields: FieldOrder
    decoding: DecodeReport
    seconds: Seconds
    builds: BuildPath
