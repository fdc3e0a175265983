"""Where the chroma samples of a source lie among those of its luma, which PyAV does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from av.video.format import VideoFormat
from av.video.stream import VideoStream

from moviola.media.video.frame_format import ChromaLocation
from moviola.media.video.orientation import Orientation

_IN_MATROSKA: Final = {
    (2, 2): ChromaLocation.CENTER,
    (1, 1): ChromaLocation.TOP_LEFT,
    (2, 1): ChromaLocation.TOP,
}
"""By the elements ChromaSitingHorz and ChromaSitingVert of a track's Colour, 1 for co-sited and 2 for half (RFC 9559,
5.1.4.1.28.27). FFmpeg writes there what a decoder told of its frames."""

_HORIZONTAL, _VERTICAL = b"\x55\xb7", b"\x55\xb8"
"""These elements' identifiers."""

_BY_CODEC: Final = {
    "h263": ChromaLocation.CENTER,
    "theora": ChromaLocation.CENTER,
    "dvvideo": ChromaLocation.TOP_LEFT,
    "amv": ChromaLocation.CENTER,
    "speedhq": ChromaLocation.CENTER,
}
"""Where the codec fixes it, and Matroska has none of the codec as it comes (H.263, 4.1; Theora I, 4.4; IEC 61834-2; of
AMV and SpeedHQ, which have no specification, what FFmpeg's decoders tell)."""

_PLACES: Final = {
    ChromaLocation.TOP_LEFT: (-1, -1),
    ChromaLocation.TOP: (0, -1),
    ChromaLocation.TOP_RIGHT: (1, -1),
    ChromaLocation.CENTER: (0, 0),
    ChromaLocation.RIGHT: (1, 0),
    ChromaLocation.BOTTOM_LEFT: (-1, 1),
    ChromaLocation.BOTTOM: (0, 1),
    ChromaLocation.BOTTOM_RIGHT: (1, 1),
}
"""Steps of half a luma sample to the right and down from the middle of the luma samples that share one of chroma."""


def chroma_location(stream: VideoStream, numbers: Mapping[bytes, int]) -> ChromaLocation:
    """Return where a stream's chroma samples lie; the usual place where that is not known. `numbers` are those that a
    Matroska tells of it.

    Where chroma has as many lines as luma, being co-sited with the upper left sample is the usual place.
    """
    pix_fmt = stream.codec_context.pix_fmt
    if pix_fmt is None:
        return ChromaLocation.USUAL
    fixed = _BY_CODEC.get(stream.codec_context.name)
    told = numbers.get(_HORIZONTAL, 0), numbers.get(_VERTICAL, 0)
    found = _IN_MATROSKA.get(told, ChromaLocation.USUAL) if fixed is None else fixed
    chroma = VideoFormat(pix_fmt, 16, 16)
    if chroma.is_rgb or len(chroma.components) < 3 or chroma.chroma_width() == 16:
        return ChromaLocation.USUAL
    if found is ChromaLocation.TOP_LEFT and chroma.chroma_height() == 16:
        return ChromaLocation.USUAL
    return found


def turned(place: ChromaLocation, orientation: Orientation) -> ChromaLocation:
    """Return where chroma samples lie in a picture once it is turned upright.

    The usual place stays the usual one: in most sources nobody told it.
    """
    if place is ChromaLocation.USUAL:
        return place
    across, down = _PLACES[place]
    if orientation.transpose:
        across, down = down, across
    seen = -across if orientation.flip_x else across, -down if orientation.flip_y else down
    return next((name for name, at in _PLACES.items() if at == seen), ChromaLocation.USUAL)
