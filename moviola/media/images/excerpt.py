"""A chunk of images as a file to look into: an archive of the pictures as they came."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from moviola.media.bundle import read
from moviola.media.images.bundle import ImageChunk
from moviola.media.images.names import safe
from moviola.media.material import Header


def write_excerpt(stem: Path, process: Header, payload: bytes | bytearray | memoryview) -> Path:
    """Writes the pictures of a chunk to `stem` with `.zip` behind; returns the path.

    Raise BundleError when the payload is no chunk, OSError as the disk does.
    """
    chunk, parts = read(ImageChunk, payload)
    path = stem.with_name(f"{stem.name}.zip")
    with ZipFile(path, "w") as archive:
        for place, ((_, name, problem), data) in enumerate(zip(chunk.p, parts, strict=True), chunk.first):
            if not problem:
                archive.writestr(f"{place:06d}-{safe(name).replace('/', '-')}", data)
    return path
