"""What HDR10 tells of a video: the display on which it was mastered, and how bright its pictures are.

Units are those in which H.264 and HEVC code it (ITU-T H.265, D.3.28 and D.3.35).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from moviola.base.mapped import Mapped
from moviola.base.records import record

MASTERING: Final = "the HDR10 mastering display"
LIGHT: Final = "the HDR10 content light level"
"""What people are told these are."""

CHROMATICITY_STEP: Final = Fraction(1, 50000)
LUMINANCE_STEP: Final = Fraction(1, 10000)  # cd/m²
_MAX_CHROMATICITY: Final = 50000  # 1.0: encoders refuse more
_MAX_LUMINANCE: Final = 2**32 - 1
_KNOWN_X: Final = range(5, 37001)
_KNOWN_Y: Final = range(5, 42001)
_KNOWN_BRIGHTEST: Final = range(50_000, 100_000_001)
_KNOWN_DARKEST: Final = range(50_001)
"""What a reader takes for a value; others mean "unknown" (ITU-T H.265, D.3.28). Discs tell a luminance of 0 as well."""

_RATIONALS: Final = 10  # red, green, blue and white, x and y of each; least and greatest luminance


class Point(NamedTuple):
    """A colour's chromaticity, in steps of CHROMATICITY_STEP."""

    x: int
    y: int


@record
class MasteringDisplay(Mapped):
    """The display on which a video was mastered (SMPTE ST 2086).

    Attributes:
        green: its primary.
        blue: its primary.
        red: its primary.
        white: its white point.
        brightest (0.0001 cd/m²): its luminance at most.
        darkest (0.0001 cd/m²): its luminance at least.
    """

    green: Point
    blue: Point
    red: Point
    white: Point
    brightest: int
    darkest: int

    @classmethod
    def of_side_data(cls, side_data: Mapping[str, bytes]) -> MasteringDisplay | None:
        """Return what a frame's side data tells; None where it tells nothing, or what no display can have."""
        data = side_data.get("MASTERING_DISPLAY_METADATA")
        if data is None:
            return None
        numbers = struct.unpack_from(f"={2 * _RATIONALS}i", data)
        values = [
            Fraction(up, down) if down > 0 else Fraction(-1) for up, down in zip(*[iter(numbers)] * 2, strict=True)
        ]
        colours = [round(each / CHROMATICITY_STEP) for each in values[:8]]
        darkest, brightest = (round(each / LUMINANCE_STEP) for each in values[8:])
        if (
            not all(0 <= each <= _MAX_CHROMATICITY for each in colours)
            or not 0 <= darkest < brightest <= _MAX_LUMINANCE
        ):
            return None
        red, green, blue, white = map(Point, colours[::2], colours[1::2])
        return cls(green, blue, red, white, brightest, darkest)

    @property
    def unreadable(self) -> list[str]:
        """Return the names of what a reader of H.264 and HEVC takes for unknown, whatever is written."""
        points = {"green": self.green, "blue": self.blue, "red": self.red, "white": self.white}
        names = [name for name, point in points.items() if point.x not in _KNOWN_X or point.y not in _KNOWN_Y]
        is_known = self.brightest in _KNOWN_BRIGHTEST and self.darkest in _KNOWN_DARKEST
        return names if is_known else [*names, "luminance"]

    def coded(self) -> str:
        """Return it as x264 and x265 take it."""
        points = zip(["G", "B", "R", "WP"], (self.green, self.blue, self.red, self.white), strict=True)
        colours = "".join(f"{name}({point.x},{point.y})" for name, point in points)
        return f"{colours}L({self.brightest},{self.darkest})"


class ContentLight(NamedTuple):
    """How bright the pictures are, in cd/m² (CTA-861.3): the brightest pixel, and the brightest mean of a frame."""

    maximum: int
    average: int

    @classmethod
    def of_side_data(cls, side_data: Mapping[str, bytes]) -> ContentLight | None:
        """Return what a frame's side data tells; None where it tells nothing, or what cannot be coded."""
        data = side_data.get("CONTENT_LIGHT_LEVEL")
        if data is None:
            return None
        maximum, average = struct.unpack_from("=2I", data)
        return cls(maximum, average) if max(maximum, average) < 2**16 else None
