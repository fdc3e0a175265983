"""What the names of outputs of images say of them. Importing this module loads nothing that reads pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moviola.media.annotations import SUFFIX, fitted
from moviola.media.images.findings import ImageFacts
from moviola.media.images.formats import FORMATS, OUTPUT_FORMATS, SUFFIXES, format_called
from moviola.media.kind import Deferred, FileNaming, Naming, UnsuitedName
from moviola.media.material import NO_VIDEO, Encoder, Source, header


def _endings(encoder: Encoder) -> tuple[str, ...]:
    return (SUFFIX,) if encoder.codec == NO_VIDEO else ("",)


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if encoder.codec == NO_VIDEO:
        return fitted(encoder, suffix)
    if suffix.lower() in SUFFIXES:
        raise UnsuitedName("several images come back in a folder, each under its own name; name a folder")
    return encoder


def _fitted_file(encoder: Encoder, suffix: str) -> Encoder:
    """Return the encoder for a picture in a file of this suffix. Raises UnsuitedName."""
    *most, last = (FORMATS[name].suffixes[0] for name in OUTPUT_FORMATS)
    hint = f"name it {', '.join(most)} or {last}, or a folder, with a / at its end"
    wanted = format_called(suffix)
    if wanted is None:
        raise UnsuitedName(f"there is no picture format called {suffix}; {hint}")
    if encoder.format not in ("", wanted):
        raise UnsuitedName(f"the name says {suffix}, and --format says {encoder.format}; leave one of them out")
    return replace(encoder, format=wanted)


def _obstacle(source: Source, encoder: Encoder) -> str:
    pages, made = int(source.facts.get("page_count", 1)), FORMATS[encoder.format]
    is_moving = any(group.is_moving for group in header(ImageFacts, source.facts).groups)
    if pages <= 1 or made.has_pages or (is_moving and made.can_move):
        return ""
    return f"{source.name} holds {pages} pictures, and each becomes a file; name a folder, with a / at its end"


NAMING: Final = Naming(
    endings=_endings,
    fitted=_fitted,
    digest=Deferred("moviola.media.images.splice.digest_of_folder"),
    is_text=lambda encoder: encoder.codec == NO_VIDEO,
    single=FileNaming(
        fitted=_fitted_file, obstacle=_obstacle, digest=Deferred("moviola.media.images.splice.digest_of_file")
    ),
)
