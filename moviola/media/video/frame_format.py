"""What an encoder must know of the frames that it gets: size, pixel format, rate and colour. Plain data, no FFmpeg."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final, NamedTuple, Protocol

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


_PRIMARIES: Final = {1: "BT.709", 5: "BT.601 (625)", 6: "BT.601 (525)", 9: "BT.2020", 12: "P3"}
_TRANSFERS: Final = {1: "BT.709", 6: "BT.601", 13: "sRGB", 14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"}
_MATRICES: Final = {0: "RGB", 1: "BT.709", 5: "BT.601 (625)", 6: "BT.601 (525)", 9: "BT.2020"}
_TAGS: Final = tuple(names | {UNSPECIFIED: "untold"} for names in (_PRIMARIES, _TRANSFERS, _MATRICES))
_RANGES: Final = {RANGE_LIMITED: ", limited", RANGE_FULL: ", full"}


class Tagged(Protocol):
    """A frame that FFmpeg decoded, as far as its colour goes."""

    @property
    def color_range(self) -> int: ...
    @property
    def color_primaries(self) -> int: ...
    @property
    def color_trc(self) -> int: ...
    @property
    def colorspace(self) -> int: ...


class Colour(NamedTuple):
    """The four colour tags as FFmpeg numbers them (AVColorRange, AVColorPrimaries, …)."""

    range: int = RANGE_UNKNOWN
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED

    @classmethod
    def of(cls, frame: Tagged) -> Colour:
        """Return the tags of a decoded frame."""
        tags = frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace
        return cls(*map(int, tags))

    @property
    def name(self) -> str:
        """Primaries, transfer and matrix in words, as far as these are common, and the range; numbers are H.273's."""
        if self[1:] == (UNSPECIFIED,) * 3:
            return "untold" + _RANGES.get(self.range, "")
        words = (names.get(tag, str(tag)) for names, tag in zip(_TAGS, self[1:], strict=True))
        return "/".join(words) + _RANGES.get(self.range, "")


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
