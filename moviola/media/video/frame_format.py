"""What an encoder must know of the frames that it gets: size, pixel format, rate and colour. Plain data, no FFmpeg."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final, NamedTuple

from moviola.base.interlacing import FieldOrder
from moviola.base.mapped import AS_TEXT, Mapped
from moviola.base.records import record
from moviola.media.video.mastering import ContentLight, MasteringDisplay

# FFmpeg's AVColorRange; primaries, transfer and matrix 2 are "unspecified".
RANGE_UNKNOWN, RANGE_LIMITED, RANGE_FULL = 0, 1, 2
UNSPECIFIED = 2
BT601 = 6  # AVCOL_SPC_SMPTE170M: what FFmpeg's scaler writes when it is told nothing else


class ChromaLocation(StrEnum):
    """Where chroma samples lie among those of luma, by FFmpeg's names."""

    USUAL = ""  # at the left, halfway between two lines, or not told
    CENTER = "center"
    TOP_LEFT = "topleft"
    TOP = "top"
    BOTTOM_LEFT = "bottomleft"
    BOTTOM = "bottom"
    RIGHT = "right"  # no codec tells the last three, which come of turned pictures
    TOP_RIGHT = "topright"
    BOTTOM_RIGHT = "bottomright"


IN_MATROSKA: Final = frozenset({ChromaLocation.CENTER, ChromaLocation.TOP_LEFT, ChromaLocation.TOP})
"""What a Matroska has a name for (RFC 9559, 5.1.4.1.28.27), beside the usual place."""

IN_H264: Final = IN_MATROSKA | {ChromaLocation.BOTTOM_LEFT, ChromaLocation.BOTTOM}
"""What H.264 and HEVC have a name for (ITU-T H.264, figure E-1), beside the usual place."""


class Colour(NamedTuple):
    """The four colour tags as FFmpeg numbers them (AVColorRange, AVColorPrimaries, …)."""

    range: int = RANGE_UNKNOWN
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED


@record
class FrameFormat(Mapped):
    """What an encoder must know of the frames it will get.

    `width` and `height` in pixels; `rate` in frames/s, its inverse is the index time base; `pixel_aspect` is
    None when unknown; `fields` the order of their fields; `mastering` and `light` what HDR10 tells of them;
    `chroma_location` where their chroma samples lie.
    """

    width: int
    height: int
    pix_fmt: str
    rate: Annotated[Fraction, AS_TEXT]
    pixel_aspect: Annotated[Fraction, AS_TEXT] | None = None
    colour: Colour = Colour()
    fields: FieldOrder = FieldOrder.PROGRESSIVE
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None
    chroma_location: ChromaLocation = ChromaLocation.USUAL
