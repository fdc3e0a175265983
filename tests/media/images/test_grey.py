"""Grey stays grey, with its transparency and its colour profile; where a format makes colours of it, that is said."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from moviola.media.images.encode import alike
from moviola.media.images.readers import read_header
from tests.media.images.gallery import hang, output, said
from tests.media.images.pictures import Pixels, corners

GREY = corners()[..., 0].copy()
ALPHA = np.tile(np.arange(1, 49, dtype=np.uint8) * 5, (32, 1))
PROFILE = bytes(16) + b"GRAY" + bytes(180)


def grey(kind: str, pixels: Pixels, **options: Any) -> bytes:
    """A PNG or TIFF with a profile for grey."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, icc_profile=PROFILE, **options)
    return file.getvalue()


def deep_grey() -> bytes:
    """A TIFF of 16 bits with transparency and a profile for grey."""
    file = BytesIO()
    pixels = np.dstack((GREY, ALPHA)).astype(np.uint16) * 257
    options: dict[str, Any] = {
        "extrasamples": ["unassalpha"],
        "planarconfig": "contig",
        "iccprofile": PROFILE,
        "metadata": None,
    }
    tifffile.imwrite(file, pixels, photometric="minisblack", **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("chain", ["identity", "flip,flip"])
def test_with_transparency_it_stays_grey_and_keeps_its_profile(
    tmp_path: Path, kind: str, format: str, chain: str
) -> None:
    files = {f"a.{kind.lower()}": grey(kind, np.dstack((GREY, ALPHA)))}
    made = hang(tmp_path, files, output(chain, format=format))
    image = Image.open(BytesIO(made[made.names[0]]))
    assert image.mode == "LA"
    assert image.info["icc_profile"] == PROFILE
    assert (np.asarray(image) == np.dstack((GREY, ALPHA))).all()
    assert said(tmp_path / "said", files, format) == set()


def test_of_16_bits_too_in_tiff(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.tif": deep_grey()}, output("flip,flip"))
    with tifffile.TiffFile(BytesIO(made["a.tif"])) as file:
        assert (file.asarray() == np.dstack((GREY, ALPHA)).astype(np.uint16) * 257).all()
        assert file.pages.first.tags[34675].value == PROFILE
        assert file.pages.first.tags[338].value in (2, (2,))
    assert said(tmp_path / "said", {"a.tif": deep_grey()}) == set()


def test_an_animation_stays_grey(tmp_path: Path) -> None:
    first, second = np.dstack((GREY, ALPHA)), np.dstack((255 - GREY, np.full_like(ALPHA, 255)))
    data = grey("PNG", first, save_all=True, append_images=[Image.fromarray(second)], duration=50)
    image = Image.open(BytesIO(hang(tmp_path, {"a.png": data})["a.png"]))
    for number, expected in enumerate((first, second)):
        image.seek(number)
        assert (np.asarray(image.convert("LA")) == expected).all()
    assert image.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("pixels", [GREY, np.dstack((GREY, ALPHA))], ids=["opaque", "transparent"])
@pytest.mark.parametrize("format", ["jpg", "png", "webp", "tiff", "heic", "avif"])
def test_a_profile_is_kept_or_said_to_be_lost(tmp_path: Path, pixels: Pixels, format: str) -> None:
    made = hang(tmp_path, {"a.png": grey("PNG", pixels)}, output(format=format))
    told = [each for each in said(tmp_path / "said", {"a.png": grey("PNG", pixels)}, format) if "profile" in each]
    image = read_header(made[made.names[0]])
    is_kept = format in (("jpg", "png", "tiff") if pixels.ndim == 3 else ("jpg", "png", "tiff", "heic", "avif"))
    assert (len(told) == 0) == is_kept
    if format not in ("heic", "avif"):  # whose profiles for grey are not read
        assert (image.carried.profile == PROFILE) == is_kept
    assert (PROFILE in made[made.names[0]]) == (is_kept and format != "png")


def test_of_16_bits_a_png_makes_colours_and_says_that_the_profile_is_lost(tmp_path: Path) -> None:
    (told,) = said(tmp_path, {"a.tif": deep_grey()}, "png")
    assert told == (
        "the colour profile of 1 TIFF image is left out: it is for grey, of which a PNG file makes colours; --format "
        "tiff keeps it"
    )


def test_pages_become_alike_with_as_little_as_holds_them_all() -> None:
    one, two, three, four = GREY, np.dstack((GREY, ALPHA)), corners(), np.dstack((corners(), ALPHA))
    for pages, channels in ([one, two], 2), ([one, three], 3), ([two, three], 4), ([one, four], 4), ([two, two], 2):
        made = alike(pages)
        assert [each.shape[2] for each in made] == [channels] * 2
        for page, each in zip(pages, made, strict=True):
            has_alpha = page.ndim == 3 and page.shape[2] % 2 == 0
            assert (each[..., 0] == (page if page.ndim == 2 else page[..., 0])).all()
            assert channels % 2 or (each[..., -1] == (page[..., -1] if has_alpha else 255)).all()
    assert alike([one, one])[0] is one
