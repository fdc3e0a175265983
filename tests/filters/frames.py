"""The pictures that the filter tests use: the ones that `moviola.filters.checking.check` tries filters on."""

from __future__ import annotations

from moviola.filters.checking.samples import (
    CONVERTED,
    FORMATS,
    SIZES,
    clip,
    drawn_face,
    memory,
    noise,
    picture_of,
    texture,
)

__all__ = ["CONVERTED", "FORMATS", "SIZES", "clip", "drawn_face", "memory", "noise", "picture_of", "texture"]
