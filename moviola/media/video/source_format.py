"""In what format frames are that come to the encoder: as the source's, before any filter, but for their size."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from av import VideoFrame
from av.video.format import VideoFormat

from moviola.filters.layout import matrix_after
from moviola.media.video.frame_format import RANGE_FULL, Colour, FrameFormat
from moviola.media.video.rotation import Orientation, orient


def source_format(source_process: dict[str, Any]) -> FrameFormat:
    """The format of a source's decoded frames once they are turned upright, before any filter."""
    pix_fmt = source_process["pix_fmt"] or "yuv420p"
    turned = orient(VideoFrame(16, 16, pix_fmt), Orientation(*source_process["orientation"]))
    aspect = source_process["sample_aspect"]
    return FrameFormat(
        width=source_process["display_width"],
        height=source_process["display_height"],
        pix_fmt=turned.format.name,
        rate=Fraction(*source_process["rate"]),
        pixel_aspect=None if aspect is None else Fraction(*aspect),
        colour=Colour(
            RANGE_FULL if pix_fmt.startswith("yuvj") else source_process["color_range"],
            source_process["color_primaries"],
            source_process["color_trc"],
            source_process["colorspace"],
        ),
    )


def colour_after(source: FrameFormat, size: tuple[int, int]) -> Colour:
    """The colour tags of pictures of another size."""
    if VideoFormat(source.pix_fmt).is_rgb:
        return source.colour
    return replace(source.colour, matrix=matrix_after(source.colour.matrix, (source.width, source.height), size))
