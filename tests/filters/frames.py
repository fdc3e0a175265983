"""The pictures that the filter tests use; they are the ones that `python -m filters.check` tries filters on."""

from __future__ import annotations

from filters.samples import CONVERTED, FORMATS, SIZES, clip, drawn_face, memory, noise, picture_of, texture

__all__ = ["CONVERTED", "FORMATS", "SIZES", "clip", "drawn_face", "memory", "noise", "picture_of", "texture"]
