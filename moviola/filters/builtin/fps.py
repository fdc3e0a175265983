"""The filter `fps`: another frame rate at the same duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture
from moviola.filters.schema import Rate


@dataclass(frozen=True)
class Fps(Filter):
    """Show, at each tick of the new rate, the newest source frame. Frames are repeated or left out, never mixed.

    The rule is about times, and `moviola.media.video.pace` applies it; pictures pass unchanged. Filters behind this one
    see the source's frames, so one that looks back compares with the previous source frame, not with the one shown
    last.
    """

    name: ClassVar[str] = "fps"
    summary: ClassVar[str] = "another frame rate: repeats or leaves out frames by their times; first in a chain"
    material: ClassVar[str] = "frames"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    rate: Rate = parameter(  # noqa: RUF009 - a text, and texts do not change
        "25", minimum=0.1, maximum=1000, unit="frames/s", help="a number, or a fraction as 30000/1001"
    )

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture itself."""
        return picture
