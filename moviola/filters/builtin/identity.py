"""The picture as it came: the decoder's frame goes to the encoder, no sample is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.filters.base import Filter
from moviola.filters.picture import Picture


@dataclass(frozen=True)
class Identity(Filter):
    name: ClassVar[str] = "identity"
    summary: ClassVar[str] = "the picture as it is"

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        return picture
