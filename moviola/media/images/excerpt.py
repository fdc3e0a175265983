"""A chunk of images as a file to look into: an archive of the pictures as they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from moviola.media.bundle import unpack
from moviola.media.images.names import safe


def write_excerpt(stem: Path, process: dict[str, Any], payload: bytes | bytearray | memoryview) -> Path:
    """Writes the pictures of a chunk to `stem` with `.zip` behind; returns the path.

    Raise BundleError when the payload is no chunk, OSError as the disk does.
    """
    table, parts = unpack(payload)
    path = stem.with_name(f"{stem.name}.zip")
    with ZipFile(path, "w") as archive:
        for place, ((_, name, problem), data) in enumerate(zip(table["p"], parts, strict=True), table["first"]):
            if not problem:
                archive.writestr(f"{place:06d}-{safe(name).replace('/', '-')}", data)
    return path
