from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from moviola.media.images.encode import Settings, encode, storable
from moviola.media.images.formats import FORMATS, OUTPUT_FORMATS, BrokenImage
from moviola.media.images.readers import read_header
from tests.media.images.pictures import Pixels, corners, decoded

FINE = Settings(95, True, "444")
LOSSY = {"jpg": 40, "heic": 40, "avif": 40, "gif": 40}
ALPHA = corners()[..., 0]
KINDS = {
    "grey": (ALPHA, None),
    "colour": (corners(), None),
    "deep": (corners().astype(np.uint16) * 257, None),
    "deep grey": (ALPHA.astype(np.uint16) * 257, None),
    "transparent": (corners(), ALPHA),
    "transparent grey": (ALPHA, ALPHA),
    "deep transparent grey": (ALPHA.astype(np.uint16) * 257, ALPHA.astype(np.uint16) * 257),
    "deep transparent": (corners().astype(np.uint16) * 257, ALPHA.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OUTPUT_FORMATS)
def test_every_picture_in_every_format(kind: str, name: str) -> None:
    colour, alpha = KINDS[kind]
    data = encode([storable(colour, alpha, name)], name, FINE)
    assert data == encode([storable(colour, alpha, name)], name, FINE)
    assert read_header(data).format == name
    again = decoded(data)
    deep = FORMATS[name].bits > 8 and colour.dtype == np.uint16
    assert again.dtype == (np.uint16 if deep else np.uint8)
    shown = again[..., : (again.shape[2] - 1) | 1] if again.ndim == 3 else again
    shown = shown // (257 if deep else 1)
    expected = (colour // 257 if colour.dtype == np.uint16 else colour).astype(int)
    expected = expected[..., None] if expected.ndim == 2 and shown.ndim == 3 else expected
    error = np.abs(shown.astype(int) - expected)
    if alpha is not None and FORMATS[name].has_alpha:
        wanted = alpha if deep or alpha.dtype == np.uint8 else alpha // 257
        if name == "gif":
            assert (again[..., -1] == np.where(wanted < 128, 0, 255)).all()
        else:
            assert np.abs(again[..., -1].astype(int) - wanted).max() <= (0 if name not in LOSSY else 8 << 8 * deep)
        error = error[again[..., -1] > 0]  # GIF keeps no colour where nothing shows
    assert error.max() <= LOSSY.get(name, 0)


def test_pages_in_one_tiff() -> None:
    found = read_header(encode([corners(), corners(10, 20)], "tiff", FINE))
    assert found.pages == (0, 1)


def test_quality_and_colour_resolution() -> None:
    def size(settings: Settings, name: str) -> int:
        return len(encode([_noise()], name, settings))

    assert size(Settings(50, False, "444"), "jpg") < size(Settings(95, False, "444"), "jpg")
    assert size(Settings(95, False, "420"), "jpg") < size(Settings(95, False, "444"), "jpg")
    assert size(Settings(50, False, "444"), "webp") < size(Settings(95, False, "444"), "webp")
    assert read_header(encode([corners()], "webp", Settings(95, False, "444"))).is_lossless is False
    assert read_header(encode([corners()], "jpg", Settings(95, False, "420"))).chroma == "420"


def test_too_large_for_its_format() -> None:
    for name, width in (("webp", 20_000), ("gif", 70_000), ("jpg", 70_000)):
        with pytest.raises(BrokenImage, match=f"{width}x2 .* {name}"):
            encode([np.zeros((2, width, 3), np.uint8)], name, FINE)


@pytest.mark.parametrize("name", ["gif", "webp", "png"])
@pytest.mark.parametrize("many", [{"durations_ms": (2**33, 100)}, {"durations_ms": (40, 100), "loop_count": 2**33}])
def test_times_that_have_no_place_in_its_format(name: str, many: dict[str, Any]) -> None:
    with pytest.raises(BrokenImage, match=f"stored as {name}"):
        encode([corners(), 255 - corners()], name, replace(FINE, **many))


def _noise() -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
