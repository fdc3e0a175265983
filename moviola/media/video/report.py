"""What happened to the frames of one chunk of a video, and at which times they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from moviola.media.report import Report
from moviola.media.video.frame_format import FrameFormat


@dataclass(slots=True)
class ChunkReport(Report):
    """A report with the `format` of the encoded frames, None where there is none.

    `pts` and `frames` have one entry for each frame that came out. `pts` is its time in the source's time base, None
    where it has none; at another frame rate its tick (moviola/media/video/grid.py). `frames` is its index in the
    source, which is there again where a frame is repeated.
    """

    format: FrameFormat | None = None
    pts: list[int | None] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        """As msgpack types only."""
        return Report.to_wire(self) | {"format": None if self.format is None else self.format.to_wire()}

    @classmethod
    def from_wire(cls, told: Mapping[str, Any]) -> Self:
        """Raise KeyError when a field is missing; unknown fields (a newer version's) are left out."""
        frames = told["format"]
        return super(ChunkReport, cls).from_wire(
            {**told, "format": None if frames is None else FrameFormat.from_wire(frames)}
        )
