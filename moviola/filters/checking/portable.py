"""Compares, as digests, what filters make of a few pictures with and without the processor's newer instructions.
`python -m moviola.filters.checking.portable [FILE]` is the process without them; it reads scenes from its standard
input.

Workers on different processors are to give the same results. OpenCV and numpy have several versions of their loops,
which round alike only where nothing is lost on the way; here those are run that this processor would not choose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from moviola.filters import registry
from moviola.filters.base import FAILURES, Filter, UnsuitableSize
from moviola.filters.checking.samples import clip, noise, scenes
from moviola.filters.checking.settings import Subject, other
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner

_ROOT = Path(__file__).parents[3]
_FORMATS = ("yuv420p", "yuv420p10le", "rgb24")
_FRAMES = 4
_OPENCV_FEATURES = (
    "SSE4.1,SSE4.2,AVX,FP16,FMA3,AVX2,AVX512-SKX,NEON_DOTPROD,NEON_FP16,NEON_BF16"  # all it dispatches on
)
_TIMEOUT_S = 120


def digest(kind: type[Filter], lumas: NDArray[np.uint8]) -> str:
    """Return a digest of the planes and notes that a filter makes, over two settings and some pixel formats.

    Args:
        kind: the filter's class.
        lumas: brightness of frames, count × height × width, uint8, as `scenes` makes it.
    """
    hashed = xxhash.xxh3_128()
    for made in (kind(), other(Subject(kind))):
        for pixel_format in _FORMATS:
            pictures = [*clip(len(lumas), pixel_format, lumas), Picture(noise(pixel_format, 161, 121))]
            runner = ChainRunner([] if made is None else [made])
            for picture in pictures:
                try:
                    runner.output_size(picture.width, picture.height)
                except UnsuitableSize:
                    continue
                output = runner.run(picture)
                for plane in output.planes:
                    hashed.update(plane.tobytes())
                notes = json.dumps([dict(note) for note in output.notes], sort_keys=True, default=str)
                hashed.update(notes.encode())
    return hashed.hexdigest()


def differs(kind: type[Filter]) -> bool:
    """Return whether a filter gives other results where only the basic instructions of processors are used.

    Raises:
        RuntimeError: the process without the newer instructions failed.
    """
    file = sys.modules[kind.__module__].__file__
    elsewhere = _plain_digests("" if kind.__module__.startswith("moviola.filters.") else str(file))
    return _told(kind, scenes(_FRAMES)) != elsewhere[kind.name]


@lru_cache(maxsize=4)
def _plain_digests(file: str) -> dict[str, str]:
    """Return the digests that a process without the newer instructions gives, by filter's name, for the filters of a
    file, or the built-in ones without a file. Raise RuntimeError if the process fails."""
    command = [
        sys.executable,
        "-m",
        "moviola.filters.checking.portable",
        *([str(Path(file).resolve())] if file else []),
    ]
    given = BytesIO()
    np.save(given, scenes(_FRAMES))  # made here, because making them rounds too
    done = subprocess.run(
        command,
        input=given.getvalue(),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
        env=_environment(),
        cwd=_ROOT,
    )
    if done.returncode:
        raise RuntimeError(f"in a process of its own: {done.stderr.decode(errors='replace').strip().splitlines()[-1]}")
    digests: dict[str, str] = json.loads(done.stdout.splitlines()[-1])  # a plugin may print as well
    return digests


def _environment() -> dict[str, str]:
    found = np.__config__.CONFIG["SIMD Extensions"].get("found", [])
    return {
        **os.environ,
        "OPENCV_CPU_DISABLE": _OPENCV_FEATURES,
        "OPENCV_IPP": "disabled",
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
    }


def main(files: list[str]) -> int:
    """Print the digests of filters as JSON, by name; scenes are read from standard input. Return the exit status.

    Args:
        files: a plugin's path, or nothing for the filters that are built in.
    """
    lumas = np.load(BytesIO(sys.stdin.buffer.read()))
    names = registry.load_plugin(Path(files[0])) if files else registry.BUILT_IN
    kinds = [registry.filter_class(name) for name in names]
    print(json.dumps({kind.name: _told(kind, lumas) for kind in kinds if kind.material != "record"}))
    return 0


def _told(kind: type[Filter], lumas: NDArray[np.uint8]) -> str:
    """Return the digest of what a filter makes, or the error that it raised."""
    try:
        return digest(kind, lumas)
    except FAILURES as error:
        return repr(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
