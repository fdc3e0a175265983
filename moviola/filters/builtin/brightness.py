"""Light added to every pixel, or taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.base import parameter
from moviola.filters.toolbox.tone import Curve, ToneFilter


@dataclass(frozen=True)
class Brightness(ToneFilter):
    """The same amount for every pixel; colours keep their distance from gray. Cut at black and white."""

    name: ClassVar[str] = "brightness"
    summary: ClassVar[str] = "brighter or darker by an even amount"

    amount: float = parameter(
        15.0, minimum=-100.0, maximum=100.0, unit="%", help="added, of the way from black to white; below 0 darkens"
    )

    def light(self, light: Curve) -> Curve:
        return light + self.amount / 100
