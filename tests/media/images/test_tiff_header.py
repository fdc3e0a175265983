"""Kinds of TIFF: which are refused by their headers, and what is said of the others. Made by tifffile and Pillow."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from moviola.media.errors import UnreadableSource
from moviola.media.images.decode import decode
from moviola.media.images.formats import BrokenImage
from moviola.media.images.orientation import upright
from moviola.media.images.readers import read_header
from tests.media.images.gallery import cut, hang, said
from tests.media.images.pictures import Pixels, corners, encoded, exif, long, rational, short, tiff, with_exif

COLOURS = corners()[..., ::-1].copy()
GREY = COLOURS[..., 0].copy()
ALPHA = np.tile(np.arange(1, 49, dtype=np.uint8) * 5, (32, 1))
PRINT = np.dstack((COLOURS, GREY))


def written(pixels: Pixels, photometric: str, extra: list[str] | None = None, **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, pixels, photometric=photometric, extrasamples=extra, metadata=None, **options)
    return file.getvalue()


def by_pillow(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, "TIFF", **options)
    return file.getvalue()


def page(data: bytes) -> Any:
    (found,) = decode(data, read_header(data)).pages
    return found


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (written(np.dstack((PRINT, GREY)), "separated", ["unspecified"]), "of 5 samples of 8 bits as CMYK"),
        (written(PRINT.astype(np.uint16), "separated"), "of 4 samples of 16 bits as CMYK"),
        (written(PRINT.astype(np.float32), "separated"), "of 4 samples of 32 bits as CMYK"),
        (written(COLOURS.astype(np.uint16), "cielab"), "of 3 samples of 16 bits as CIELab"),
        (written(COLOURS, "icclab"), "of ICCLab colours"),
        (written(GREY.astype(np.uint64), "minisblack"), "of 64 bits a sample"),
        (written(GREY.astype(np.uint32), "minisblack"), "of 32 bits a sample"),
        (written(GREY.astype(np.float16), "minisblack"), "of 16 bits a sample, floating point"),
        (written(GREY.astype(np.int8), "minisblack"), "whose samples are signed"),
        (written(np.dstack((COLOURS, GREY, GREY)), "rgb", ["unspecified"] * 2), "of 5 samples a pixel"),
        (tiff([corners()], {259: short(34712)}), "compressed as JPEG 2000"),
        (tiff([GREY]).replace(b"\x06\x01\x03\x00", b"\x07\x01\x03\x00"), "that does not tell what its samples mean"),
    ],
)  # fmt: skip
def test_what_no_decoder_reads_is_refused_before_it_is_sent(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(BrokenImage, match=f"is a TIFF {why}"):
        read_header(data)
    with pytest.raises(UnreadableSource, match=why):
        cut(tmp_path / "alone", {"a.tif": data})
    assert any(why in each for each in said(tmp_path, {"a.tif": data, "b.tif": tiff([GREY])}))


@pytest.mark.parametrize("tag", [256, 257])
@pytest.mark.parametrize("side", [0, -30_000])
def test_a_page_without_a_size_hides_no_pixels_of_another(tag: int, side: int) -> None:
    """Widths and heights may be stored as signed numbers, and pixels are counted together."""
    huge = tiff([GREY, GREY], {256: long(30_000), 257: long(30_000)})
    directories = [at for at in range(len(huge)) if huge[at : at + 4] == struct.pack("<HH", tag, 4)]
    assert len(directories) == 2
    stored = struct.pack("<HHIi", tag, 9, 1, side)
    for at in directories:
        with pytest.raises(BrokenImage, match="tells no size"):
            read_header(huge[:at] + stored + huge[at + 12 :])


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize("is_planar", [False, True])
def test_associated_transparency_is_divided_out_once_and_said(tmp_path: Path, is_grey: bool, is_planar: bool) -> None:
    colour = GREY[..., None] if is_grey else COLOURS
    stored = np.dstack((np.rint(colour * (ALPHA[..., None] / 255)).astype(np.uint8), ALPHA))
    layout = {"planarconfig": "separate"} if is_planar else {"planarconfig": "contig"}
    pixels = stored.transpose(2, 0, 1).copy() if is_planar else stored
    data = written(pixels, "minisblack" if is_grey else "rgb", ["assocalpha"], **layout)
    found = page(data)
    assert (found.alpha == ALPHA).all()
    rounded = 128 / ALPHA.astype(float)
    expected = GREY if is_grey else corners()
    error = np.abs(found.colour.astype(float) - expected)
    assert (error <= (rounded if is_grey else rounded[..., None]) + 0.5).all()
    (told,) = said(tmp_path, {"a.tif": data})
    assert told.startswith("the associated transparency of 1 TIFF image becomes unassociated")


def test_cielab_becomes_the_same_colours_in_rgb_and_says_so(tmp_path: Path) -> None:
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.applyTransform(Image.fromarray(COLOURS), ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    assert image is not None
    del image.info["icc_profile"]
    data = by_pillow(image)
    assert np.abs(page(data).colour.astype(int) - corners()).mean() < 3
    grey = page(by_pillow(Image.fromarray(np.dstack((GREY, GREY * 0, GREY * 0)), "LAB"))).colour
    assert np.ptp(grey.astype(int), axis=2).max() <= 2
    (told,) = said(tmp_path, {"a.tif": data})
    assert told.startswith("the CIELab colours of 1 TIFF image become RGB")


def test_compressions_that_opencv_does_not_know() -> None:
    assert (page(by_pillow(Image.fromarray(COLOURS), compression="zstd")).colour == corners()).all()
    assert (page(by_pillow(Image.fromarray(GREY), compression="zstd")).colour == GREY).all()


def test_white_point_and_primaries_stay_unless_colours_become_rgb(tmp_path: Path) -> None:
    tags = {318: rational(3127, 10000, 329, 1000), 319: rational(*[1, 3] * 6)}
    as_rgb, as_cmyk = tiff([corners()], tags), tiff([PRINT], {**tags, 262: short(5)})
    assert said(tmp_path, {"a.tif": as_rgb}) == set()
    assert "white point and primaries in EXIF of a.tif are left out" in str(said(tmp_path, {"a.tif": as_cmyk}))
    for data, is_kept in ((as_rgb, True), (as_cmyk, False)):
        with tifffile.TiffFile(BytesIO(hang(tmp_path, {"a.tif": data})["a.tif"])) as file:
            assert [tag in file.pages.first.tags for tag in tags] == [is_kept, is_kept]


def test_tags_of_raw_pictures_are_left_out_and_said(tmp_path: Path) -> None:
    tags = {0xC61B: rational(1, 1, 1, 1), 0xC62F: (2, 4, b"123\0")}
    photograph = with_exif(encoded(corners(), ".jpg"), exif(tags))
    for name, data in (("a.jpg", photograph), ("a.tif", tiff([corners()], tags))):
        (told,) = said(tmp_path / name, {name: data})
        assert told.startswith(f"tags of EXIF about raw pictures (DNG) of {name} are left out")


def test_smaller_pictures_of_a_page_are_left_out_and_said(tmp_path: Path) -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(COLOURS, photometric="rgb", metadata=None)
        writer.write(COLOURS[::2, ::2].copy(), photometric="rgb", metadata=None, subfiletype=1)
    (told,) = said(tmp_path, {"a.tif": file.getvalue()})
    assert told.startswith("smaller pictures of the same pages, and masks, of a.tif are left out")


def test_samples_that_are_neither_colours_nor_transparency_are_said(tmp_path: Path) -> None:
    data = written(np.dstack((GREY, ALPHA)), "minisblack", ["unspecified"], planarconfig="contig")
    (told,) = said(tmp_path, {"a.tif": data})
    assert told.startswith("further samples of the pixels of a.tif are left out")
    assert page(data).alpha is None


MIXED = np.dstack((GREY, ALPHA)).astype(np.uint16) * 257


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"compression": "zlib", "predictor": True, "tile": (16, 16)},
        {"tile": (16, 16)},
    ],
    ids=str,
)
def test_grey_of_16_bits_keeps_them_and_its_transparency(options: dict[str, Any]) -> None:
    """OpenCV makes 8 bits of it, without transparency."""
    found = page(written(MIXED, "minisblack", ["unassalpha"], planarconfig="contig", **options))
    assert found.colour.dtype == found.alpha.dtype == np.uint16
    assert (found.colour == MIXED[..., 0]).all()
    assert (found.alpha == MIXED[..., 1]).all()


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("extra", ["unassalpha", "unspecified"])
@pytest.mark.parametrize("count", [3, 4, 6])
def test_grey_with_further_samples_is_that_grey(kind: str, extra: str, count: int) -> None:
    """Of which OpenCV makes a colour, or none."""
    planes = [GREY, ALPHA, *(GREY // number for number in range(2, count))]
    pixels = np.dstack(planes).astype(kind) * {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[kind]
    data = written(pixels, "minisblack", [extra, *["unspecified"] * (count - 2)], planarconfig="contig")
    found, factor = page(data), 1 if kind == "uint8" else 257
    assert np.abs(found.colour.astype(int) - GREY.astype(int) * factor).max() <= (kind == "float32")
    assert (found.alpha is not None) == read_header(data).has_alpha == (extra == "unassalpha")
    if found.alpha is not None:
        assert np.abs(found.alpha.astype(int) - ALPHA.astype(int) * factor).max() <= (kind == "float32")


@pytest.mark.parametrize("orientation", [3, 6])
def test_grey_of_16_bits_with_transparency_is_upright(orientation: int) -> None:
    tag = (274, 3, 1, orientation, True)
    found = page(written(MIXED, "minisblack", ["unassalpha"], planarconfig="contig", extratags=[tag]))
    assert (found.colour == upright(MIXED[..., 0], orientation)).all()


def test_grey_with_further_samples_that_cannot_be_told_apart_is_refused() -> None:
    data = written(MIXED, "minisblack", ["unassalpha"], planarconfig="contig", bigtiff=True)
    with pytest.raises(BrokenImage, match="grey with further samples"):
        read_header(data)
