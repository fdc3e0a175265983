"""What the names of outputs of images say of them. Importing this module loads nothing that reads pictures."""

from __future__ import annotations

from typing import Final

from moviola.media.annotations import SUFFIX, fitted
from moviola.media.images.formats import SUFFIXES
from moviola.media.kind import Deferred, Naming, UnsuitedName
from moviola.media.material import NO_VIDEO, Encoder


def _endings(encoder: Encoder) -> tuple[str, ...]:
    return (SUFFIX,) if encoder.codec == NO_VIDEO else ("",)


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if encoder.codec == NO_VIDEO:
        return fitted(encoder, suffix)
    if suffix.lower() in SUFFIXES:
        raise UnsuitedName("images come back in a folder, each under its own name; name a folder")
    return encoder


NAMING: Final = Naming(
    endings=_endings,
    fitted=_fitted,
    digest=Deferred("moviola.media.images.splice.digest_of_folder"),
    is_text=lambda encoder: encoder.codec == NO_VIDEO,
)
