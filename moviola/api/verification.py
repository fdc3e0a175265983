"""`moviola.verify` and `moviola.read_manifest`: whether a result is as it was made, and of what."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from moviola.api.errors import UsageError, translated
from moviola.api.options import PathLike
from moviola.media.manifest import reader
from moviola.media.manifest.reader import BadManifest, Manifest, ManifestFrame  # noqa: F401 - named in moviola/__init__.py
from moviola.verification import verify as verification
from moviola.verification.findings import Verification


def verify(
    output: PathLike,
    *,
    source: PathLike | None = None,
    manifest: PathLike | None = None,
    decode: bool = True,
    progress: Callable[[int, int], object] | None = None,
) -> Verification:
    """Return whether a result is complete and as it was made, by its manifest.

    Args:
        output: the result's file, or the folder of its pictures.
        source: what it was made of; where it is given, that is looked at as well.
        manifest: where the manifest lies; by default beside the result.
        decode: decode a video, beside comparing its packets.
        progress: called with how many frames were looked at, and of how many.

    Raises:
        UsageError: there is no manifest.
        BadManifest: the manifest is damaged, or cut off, or none.
        UnreadableSource: the source cannot be read.
        OSError: the result cannot be read.
    """
    with translated():
        try:
            return verification.verify(
                _path(output),
                None if source is None else _path(source),
                None if manifest is None else _path(manifest),
                decode=decode,
                on_progress=progress or _nobody,
            )
        except verification.NoManifest as error:
            raise UsageError(f"{error}; manifest names one that lies elsewhere") from error


def read_manifest(path: PathLike) -> Manifest:
    """Read a manifest, whose `frames()` tells of each frame what it came of.

    Raises:
        BadManifest: it is damaged, or cut off, or none.
        OSError: it cannot be read.
    """
    return reader.read_manifest(_path(path))


def _path(path: PathLike) -> Path:
    return Path(os.fspath(path))


def _nobody(_done: int, _count: int) -> None:
    """Progress that nobody looks at."""
