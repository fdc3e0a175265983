"""Tells which colour space a picture has that carries no colour profile: by H.273's numbers, or by chunks of a PNG."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

Nclx = tuple[int, int, int, int]
"""H.273's numbers of primaries, transfer and matrix, and 1 for full range."""

SRGB: Final[Nclx] = (1, 13, 6, 1)
_UNTOLD: Final = 2

COLOUR_CHUNKS: Final = frozenset((b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"))
"""Those of a PNG that tell what its colours mean: the first of them counts, the last two together (third edition,
4.3)."""

_SIZES: Final = {b"gAMA": 4, b"cHRM": 32}
_SRGB_GAMMA: Final = 45_455
_SRGB_PLACES: Final = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_GAMMA_NEAR: Final = 0.05  # libpng takes less for the same
_PLACE_NEAR: Final = 1_000  # a hundredth: what files of sRGB round to; Display P3's red is 4000 away


def is_wide(nclx: Nclx | None) -> bool:
    """Return True if H.273's numbers tell another colour space than sRGB.

    The matrix does not count: a result has one of its own.
    """
    return nclx is not None and (nclx[0] not in (SRGB[0], _UNTOLD) or nclx[1] not in (SRGB[1], _UNTOLD))


def colours_of_png(chunks: Mapping[bytes, bytes]) -> tuple[Nclx | None, tuple[tuple[bytes, bytes], ...]]:
    """Return what a PNG's COLOUR_CHUNKS tell beside a profile: H.273's numbers, and the chunks that say it otherwise,
    where that is something else than sRGB."""
    numbers = chunks.get(b"cICP", b"")
    if len(numbers) == 4:
        primaries, transfer, matrix, is_full = numbers
        if is_full and b"iCCP" not in chunks:  # other formats know of full range only, and of the profile
            return (primaries, transfer, matrix, 1), ()
        return None, ((b"cICP", numbers),)
    if b"iCCP" in chunks or b"sRGB" in chunks:
        return None, ()
    told = tuple((name, chunks[name]) for name, size in _SIZES.items() if len(chunks.get(name, b"")) == size)
    return None, told if any(_is_other(*each) for each in told) else ()


def _is_other(name: bytes, body: bytes) -> bool:
    """Return True if a PNG's gAMA tells another gamma than sRGB has, or its cHRM another white, red, green or blue."""
    found: tuple[int, ...] = struct.unpack(f">{len(body) // 4}I", body)
    if name == b"gAMA":
        return found[0] > 0 and abs(found[0] / _SRGB_GAMMA - 1) > _GAMMA_NEAR
    return any(abs(one - two) > _PLACE_NEAR for one, two in zip(found, _SRGB_PLACES, strict=True))
