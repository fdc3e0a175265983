"""Frames by time: a video at another rate, as long as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture
from moviola.filters.schema import Rate


@dataclass(frozen=True)
class Fps(Filter):
    """Shows, at each tick of the new rate, the newest source frame; frames are repeated or left out, never mixed.

    This is a rule over times, which `moviola.media.video.pace` keeps; pictures pass untouched. The filters behind it
    see the source's frames, so a filter that looks back compares with the source's frame before, not with the one last
    shown.
    """

    name: ClassVar[str] = "fps"
    summary: ClassVar[str] = "another frame rate: repeats or leaves out frames by their times; first in a chain"
    material: ClassVar[str] = "frames"

    rate: Rate = parameter(  # noqa: RUF009 - a text, and texts do not change
        "25", minimum=0.1, maximum=1000, unit="frames/s", help="a number, or a fraction as 30000/1001"
    )

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        return picture
