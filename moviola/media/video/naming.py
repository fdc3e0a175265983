"""What the names of videos say of their containers.

Importing this module loads no FFmpeg.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moviola.media.annotations import SUFFIX, fitted
from moviola.media.kind import Deferred, Naming, UnsuitedName
from moviola.media.material import NO_VIDEO, Encoder
from moviola.media.video.codecs import CODECS, codec_of
from moviola.media.video.containers import BY_EXTENSION, CONTAINERS, UNSUITED


def _endings(encoder: Encoder) -> tuple[str, ...]:
    if encoder.codec == NO_VIDEO:
        return (SUFFIX,)
    names = [encoder.container] if encoder.container else codec_of(encoder).containers
    return tuple(CONTAINERS[name].extension for name in names)


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if encoder.codec == NO_VIDEO:
        return fitted(encoder, suffix)
    if not suffix:
        return encoder
    container = BY_EXTENSION.get(suffix.lower())
    holders = codec_of(encoder).containers
    if container is not None and container.format in holders:
        return replace(encoder, container=container.format)
    *most, last = (CONTAINERS[name].extension for name in holders)
    hint = f"name it {', '.join(most)} or {last}" if most else f"name it {last}"
    if container is None:
        why = UNSUITED.get(suffix.lower(), f"there is no video container called {suffix}")
        raise UnsuitedName(f"{why}; {hint}")
    others = " or ".join(codec.name for codec in CODECS.values() if container.format in codec.containers)
    raise UnsuitedName(f"{container.noun} file holds no {encoder.codec} here; {hint}, or choose --codec {others}")


NAMING: Final = Naming(
    endings=_endings,
    ending=Deferred("moviola.media.video.writing.container_choice.ending"),
    fitted=_fitted,
    digest=Deferred("moviola.media.video.writing.digest.digest"),
    is_text=lambda encoder: encoder.codec == NO_VIDEO,
)
