"""In what format frames are that come to the encoder: as the source's, before any filter, but for their size."""

from __future__ import annotations

from av import VideoFrame
from av.video.format import VideoFormat

from moviola.filters.layout import matrix_after
from moviola.media.video.filtering.rotation import orient
from moviola.media.video.frame_format import RANGE_FULL, Colour, FrameFormat
from moviola.media.video.headers import VideoProcess
from moviola.media.video.reading.chroma import turned


def source_format(source: VideoProcess) -> FrameFormat:
    """Return the format of a source's decoded frames once they are turned upright, before any filter."""
    pix_fmt = source.pix_fmt or "yuv420p"
    return FrameFormat(
        width=source.display_width,
        height=source.display_height,
        pix_fmt=orient(VideoFrame(16, 16, pix_fmt), source.orientation).format.name,
        rate=source.rate,
        pixel_aspect=source.sample_aspect,
        colour=Colour(
            RANGE_FULL if pix_fmt.startswith("yuvj") else source.color_range,
            source.color_primaries,
            source.color_trc,
            source.colorspace,
        ),
        fields=source.upright_fields,
        mastering=source.mastering,
        light=source.light,
        chroma_location=turned(source.chroma_location, source.orientation),
    )


def colour_after(source: FrameFormat, size: tuple[int, int]) -> Colour:
    """Return the colour tags of a source's pictures once filters have given them another size."""
    if VideoFormat(source.pix_fmt).is_rgb:
        return source.colour
    return source.colour._replace(matrix=matrix_after(source.colour.matrix, (source.width, source.height), size))
