"""The filter `identity`: changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter
from moviola.filters.picture import Picture


@dataclass(frozen=True)
class Identity(Filter):
    """Pass pictures unchanged, to measure or test everything but a filter."""

    name: ClassVar[str] = "identity"
    summary: ClassVar[str] = "the picture as it is"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture itself."""
        return picture
