"""The filter `brightness`: makes every pixel brighter or darker by the same amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import parameter
from moviola.filters.toolbox.tone import Curve, ToneFilter


@dataclass(frozen=True)
class Brightness(ToneFilter):
    """Add the same amount of light to every pixel. Chroma is unchanged; light is clipped at black and white."""

    name: ClassVar[str] = "brightness"
    summary: ClassVar[str] = "brighter or darker by an even amount"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    amount: float = parameter(
        15.0, minimum=-100.0, maximum=100.0, unit="%", help="added, of the way from black to white; below 0 darkens"
    )

    def light(self, light: Curve) -> Curve:
        """Return the light (0 black to 1 white) with the amount added."""
        return light + self.amount / 100
