"""What happened to the frames of one chunk of a video, and at which times they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from moviola.base.mapped import Ticks
from moviola.media.report import Report
from moviola.media.video.frame_format import FrameFormat


@dataclass(slots=True)
class ChunkReport(Report):
    """A report with the `format` of the encoded frames, None where there is none.

    `pts` and `frames` have one entry for each frame that came out. `pts` is its time in the source's time base, None
    where it has none; at another frame rate its tick (moviola/media/video/grid.py). `frames` is its index in the
    source, which is there again where a frame is repeated. `other_sizes` counts the frames of each size that the source
    did not have at its beginning, as `1280x720`; `formats` and `colours` count those of each pixel format and each
    set of colour tags. `source_pts` has, at another frame rate, the time of each in the source's time base.
    `unmarked_fields` are interlaced frames of a source that begins with others; `alike_fields` are
    frames whose field order is marked as that of all, though it is another.
    """

    format: FrameFormat | None = None
    pts: list[Ticks | None] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    other_sizes: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    colours: dict[str, int] = field(default_factory=dict)
    source_pts: list[Ticks | None] = field(default_factory=list)
    unmarked_fields: int = 0
    alike_fields: int = 0
