"""What an encoder must know of the frames that it gets: size, pixel format, rate and colour. Plain data, no FFmpeg."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

# FFmpeg's AVColorRange; primaries, transfer and matrix 2 are "unspecified".
RANGE_UNKNOWN, RANGE_LIMITED, RANGE_FULL = 0, 1, 2
UNSPECIFIED = 2
BT601 = 6  # AVCOL_SPC_SMPTE170M: what FFmpeg's scaler writes when it is told nothing else


@dataclass(frozen=True, slots=True)
class Colour:
    """The four colour tags as FFmpeg numbers them (AVColorRange, AVColorPrimaries, …)."""

    range: int = RANGE_UNKNOWN
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """What an encoder must know of the frames it will get.

    `width` and `height` in pixels; `rate` in frames/s, its inverse is the index time base; `pixel_aspect` is
    None when unknown.
    """

    width: int
    height: int
    pix_fmt: str
    rate: Fraction
    pixel_aspect: Fraction | None = None
    colour: Colour = Colour()

    def to_wire(self) -> dict[str, Any]:
        """As msgpack types only."""
        return {
            "width": self.width,
            "height": self.height,
            "pix_fmt": self.pix_fmt,
            "rate": str(self.rate),
            "pixel_aspect": None if self.pixel_aspect is None else str(self.pixel_aspect),
            "colour": [self.colour.range, self.colour.primaries, self.colour.transfer, self.colour.matrix],
        }

    @classmethod
    def from_wire(cls, fields: Mapping[str, Any]) -> FrameFormat:
        """Raise KeyError when a field is missing."""
        aspect = fields["pixel_aspect"]
        return cls(
            width=fields["width"],
            height=fields["height"],
            pix_fmt=fields["pix_fmt"],
            rate=Fraction(fields["rate"]),
            pixel_aspect=None if aspect is None else Fraction(aspect),
            colour=Colour(*fields["colour"]),
        )
