"""The filter `contrast`: makes distances from middle gray larger or smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import parameter
from moviola.filters.toolbox.tone import Curve, ToneFilter


@dataclass(frozen=True)
class Contrast(ToneFilter):
    """Scale light and chroma around middle gray by one factor, so that it acts on red, green and blue alike."""

    name: ClassVar[str] = "contrast"
    summary: ClassVar[str] = "more or less contrast, around middle gray"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    factor: float = parameter(
        1.3, minimum=0.0, maximum=10.0, help="times the distance from middle gray: 1 changes nothing, 0 leaves gray"
    )

    def light(self, light: Curve) -> Curve:
        """Return the light (0 black to 1 white) with its distance from 0.5 scaled."""
        return 0.5 + (light - 0.5) * self.factor

    def chroma(self, chroma: Curve) -> Curve:
        """Return the chroma (-0.5 to 0.5) scaled."""
        return chroma * self.factor
