"""Prints the licences of what Moviola's dependencies carry, as installed here: `python -m tools.licences`.

What it prints are facts of the installed wheels; docs/LICENCES.md says what follows from them.
"""

from __future__ import annotations

import ctypes
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePath
from typing import Final

ROOT: Final = Path(__file__).parents[1]

BUNDLED: Final[dict[str, str]] = {
    "SvtAv1Enc": "BSD-3-Clause-Clear",
    "Xau": "MIT",
    "aom": "BSD-2-Clause",
    "asound": "LGPL-2.1-or-later",
    "avif": "BSD-2-Clause",
    "brotlicommon": "MIT",
    "brotlidec": "MIT",
    "crypto": "OpenSSL",
    "dav1d": "BSD-2-Clause",
    "de265": "LGPL-3.0-or-later",
    "drm": "MIT",
    "freetype": "FTL OR GPL-2.0-or-later",
    "gfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gmp": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "gnutls": "LGPL-2.1-or-later",
    "harfbuzz": "MIT-Modern-Variant",
    "heif": "LGPL-3.0-or-later",
    "hogweed": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "jpeg": "IJG AND BSD-3-Clause AND Zlib",
    "lcms2": "MIT",
    "lzma": "0BSD",
    "mp3lame": "LGPL-2.0-or-later",
    "nettle": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "openblasp": "BSD-3-Clause",
    "opencore-amrnb": "Apache-2.0",
    "opencore-amrwb": "Apache-2.0",
    "openjp2": "BSD-2-Clause",
    "opus": "BSD-3-Clause",
    "png16": "libpng-2.0",
    "quadmath": "LGPL-2.1-or-later",
    "scipy_openblas64_": "BSD-3-Clause",
    "sharpyuv": "BSD-3-Clause",
    "ssl": "OpenSSL",
    "tiff": "libtiff",
    "unistring": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "vpl": "MIT",
    "vpx": "BSD-3-Clause",
    "webp": "BSD-3-Clause",
    "webpdemux": "BSD-3-Clause",
    "webpmux": "BSD-3-Clause",
    "x264": "GPL-2.0-or-later",
    "x265": "GPL-2.0-or-later",
    "xcb": "MIT",
    "zstd": "BSD-3-Clause",
}
"""Licences of the shared libraries in the wheels for Linux, by name, as their own projects state them (SPDX)."""

FFMPEG: Final = frozenset({"avcodec", "avdevice", "avfilter", "avformat", "avutil", "swresample", "swscale"})
"""Libraries of FFmpeg. Their licence depends on how they were built, so the library itself is asked for it."""

UNKNOWN: Final = "not known to this program"

GPL_SWITCHES: Final = ("--enable-gpl", "--enable-libx264", "--enable-libx265")
"""Options of FFmpeg's `configure` that put code under the GPL into a build."""

_HASHES: Final = re.compile(r"(-[0-9a-f]{8})+$")


@dataclass(frozen=True, slots=True)
class Build:
    """How a bundled FFmpeg was built.

    Attributes:
        licence: what its libavcodec answers when it is asked for its licence.
        gpl_switches: those of GPL_SWITCHES that it was built with.
    """

    licence: str
    gpl_switches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependency:
    """An installed distribution that Moviola needs.

    Attributes:
        name: as pyproject.toml calls it.
        version: the installed one.
        licence: as its metadata states it; of its source code, and not always of what its wheel bundles.
        libraries: (name, licence) of each shared library that the wheel bundles; the licence of a part of FFmpeg is
            in `ffmpeg`.
        ffmpeg: None where the wheel bundles none.
    """

    name: str
    version: str
    licence: str
    libraries: tuple[tuple[str, str], ...]
    ffmpeg: Build | None


def dependencies() -> Iterator[Dependency]:
    """Yield what pyproject.toml declares as needed to run, in its order.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for requirement in declared:
        name = re.split(r"[<>=!~ \[]", requirement, maxsplit=1)[0]
        found = metadata.distribution(name)
        files = [path for path in found.files or () if _is_bundled(path)]
        libraries = sorted({_name_of(path.name) for path in files})
        codecs = [path.locate() for path in files if _name_of(path.name) == "avcodec"]
        yield Dependency(
            name,
            found.version,
            _licence_of(found),
            tuple((one, "see FFmpeg" if one in FFMPEG else licence_of(one)) for one in libraries),
            ffmpeg=_asked(Path(str(codecs[0]))) if codecs else None,
        )


def licence_of(library: str) -> str:
    """Return the licence of a bundled library by its name without `lib`; UNKNOWN where BUNDLED does not tell."""
    return BUNDLED.get(library) or BUNDLED.get(library.rpartition("-")[0], UNKNOWN)


def _licence_of(found: metadata.Distribution) -> str:
    told = (found.metadata[field] for field in ("License-Expression", "License") if field in found.metadata)
    return next(told, "not stated").strip().splitlines()[0]


def _is_bundled(path: PurePath) -> bool:
    """Return whether a file is a shared library that was put beside a wheel's own extension modules."""
    return any(part.endswith((".libs", ".dylibs")) for part in path.parts) and path.name.startswith("lib")


def _name_of(file: str) -> str:
    """Return the name of a library: `x264` of `libx264-d6533a8d.so.165`."""
    return _HASHES.sub("", file.removeprefix("lib").partition(".")[0])


def _asked(libavcodec: Path) -> Build:
    """Load a libavcodec and ask it how it was built."""
    library = ctypes.CDLL(str(libavcodec))
    library.avcodec_license.restype = library.avcodec_configuration.restype = ctypes.c_char_p
    configuration = library.avcodec_configuration().decode().split()
    switches = tuple(switch for switch in GPL_SWITCHES if switch in configuration)
    return Build(library.avcodec_license().decode(), switches)


def report() -> Iterator[str]:
    """Yield the lines that the command prints."""
    for each in dependencies():
        yield f"{each.name} {each.version}: {each.licence}"
        for name, licence in each.libraries:
            yield f"    lib{name}: {licence}"
        if each.ffmpeg is not None:
            gpl = " ".join(each.ffmpeg.gpl_switches)
            yield f"    FFmpeg calls itself {each.ffmpeg.licence}; {f'built with {gpl}' if gpl else 'no GPL part'}"


if __name__ == "__main__":
    print("\n".join(report()))
