"""Distances from middle gray made larger or smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.base import parameter
from moviola.filters.toolbox.tone import Curve, ToneFilter


@dataclass(frozen=True)
class Contrast(ToneFilter):
    """Light and chroma alike, so that it looks as if done on red, green and blue. Cut at black and white."""

    name: ClassVar[str] = "contrast"
    summary: ClassVar[str] = "more or less contrast, around middle gray"

    factor: float = parameter(
        1.3, minimum=0.0, maximum=10.0, help="times the distance from middle gray: 1 changes nothing, 0 leaves gray"
    )

    def light(self, light: Curve) -> Curve:
        return 0.5 + (light - 0.5) * self.factor

    def chroma(self, chroma: Curve) -> Curve:
        return chroma * self.factor
