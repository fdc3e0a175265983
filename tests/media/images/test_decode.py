from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from moviola.media.images.decode import CUT_SHORT, Decoded, Page, decode
from moviola.media.images.formats import FORMATS, BrokenImage
from moviola.media.images.orientation import upright
from moviola.media.images.readers import read_header
from tests.media.images.pictures import (
    Pixels,
    animation,
    corners,
    deep_animation,
    encoded,
    exif,
    heic,
    long,
    png_chunk,
    short,
    tiff,
    with_exif,
)


def pages(data: bytes) -> tuple[list[Page], Decoded]:
    found = decode(data, read_header(data))
    return list(found.pages), found


def only(data: bytes) -> Page:
    (page,), found = pages(data)
    assert not found.damage
    return page


GREY = corners()[..., 0]
DEEP = corners().astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("pixels", "suffix"),
    [(corners(), ".png"), (GREY, ".png"), (DEEP, ".png"), (DEEP[..., 0], ".tif"), (corners(), ".bmp"), (GREY, ".bmp")],
)
def test_samples_as_they_are(pixels: Pixels, suffix: str) -> None:
    page = only(encoded(pixels, suffix))
    assert page.colour.dtype == pixels.dtype
    assert (page.colour == pixels).all()
    assert page.alpha is None


@pytest.mark.parametrize("bits", [1, 4])
def test_a_palette_gives_its_colours(bits: int) -> None:
    numbers = np.arange(64, dtype=np.uint8).reshape(4, 16) % (1 << bits)
    colours = np.random.default_rng(bits).integers(0, 256, (1 << bits, 3), np.uint8)
    unpacked = (numbers[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
    packed = np.packbits(unpacked.reshape(4, -1), axis=1)
    table = short(*(colours.T.astype(int) * 257).ravel().tolist())
    extra = {256: long(16), 258: short(bits), 262: short(3), 277: short(1), 320: table}
    page = only(tiff([packed], extra))
    assert page.colour.ndim == 3
    assert (page.colour[..., ::-1] == colours[numbers]).all()


def test_transparency_is_kept_aside() -> None:
    alpha = GREY.copy()
    page = only(encoded(np.dstack((corners(), alpha)), ".png"))
    assert (page.colour == corners()).all()
    assert page.alpha is not None
    assert (page.alpha == alpha).all()
    assert only(encoded(np.dstack((corners(), np.full_like(alpha, 255))), ".png")).alpha is None


def test_transparency_that_the_decoder_multiplied_in() -> None:
    alpha = np.full_like(GREY, 128)
    data = tiff([np.dstack((alpha, corners()[..., ::-1]))[..., [1, 2, 3, 0]][..., ::-1]], {338: short(2)})
    page = only(data)
    assert page.alpha is not None
    assert (page.alpha == 128).all()
    assert np.abs(page.colour.astype(int) - corners().astype(int)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_whoever_turns_it(orientation: int) -> None:
    """A JPEG is turned here, a TIFF by OpenCV: both alike."""
    jpg = with_exif(encoded(corners(), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 100), exif({274: short(orientation)}))
    turned = only(jpg).colour
    by_opencv = only(tiff([corners()], {274: short(orientation)})).colour
    assert turned.shape == by_opencv.shape == ((48, 32, 3) if orientation >= 5 else (32, 48, 3))
    assert np.abs(turned.astype(int) - by_opencv.astype(int)).mean() < 4


def test_floating_point_becomes_16_bits() -> None:
    pixels = np.linspace(-0.5, 1.5, 64, dtype=np.float32).reshape(8, 8)
    (page,), found = pages(tiff([pixels]))
    assert page.colour.dtype == np.uint16
    assert (page.colour == np.rint(pixels.clip(0, 1) * 65535)).all()
    assert "floating" in found.remark


def test_samples_that_are_not_worked_on() -> None:
    with pytest.raises(BrokenImage):
        pages(tiff([corners()[..., 0].astype(np.int32)], {339: short(2)}))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_of_an_animation(suffix: str) -> None:
    frames = [np.full((20, 30, 3), value, np.uint8) for value in (255, 0, 255)]
    found, _ = pages(animation(suffix, frames))
    assert [round(page.colour.mean() / 255) for page in found] == [1, 0, 1]


@pytest.mark.parametrize("suffix", [".png", ".avif"])
def test_frames_of_an_animation_of_more_than_8_bits(suffix: str) -> None:
    """White is white, however many bits the file has."""
    frames = [np.full((20, 30, 3), value * 257, np.uint16) for value in (255, 0, 85)]
    found, _ = pages(deep_animation(suffix, frames))
    assert [page.colour.dtype for page in found] == [np.uint16] * 3
    assert [round(page.colour.mean() / 65535, 2) for page in found] == [1, 0, 0.33]


def test_pages_of_different_sizes() -> None:
    found, _ = pages(tiff([corners(40, 30), corners(20, 10), corners(8, 9)]))
    assert [page.colour.shape[:2] for page in found] == [(30, 40), (10, 20), (9, 8)]
    assert (found[1].colour == corners(20, 10)).all()


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
def test_colours_in_planes_of_their_own(kind: str) -> None:
    """Which OpenCV alone gets wrong above 8 bits."""
    pictures = [corners(40, 30), corners(20, 10)]
    scaled = [
        each / 255 if kind == "float64" else each.astype(kind) * (257 if kind == "uint16" else 1) for each in pictures
    ]
    found, _ = pages(tiff(scaled, planar=True))
    for page, picture in zip(found, pictures, strict=True):
        deep = picture if kind == "uint8" else picture.astype(np.uint16) * 257
        assert page.colour.dtype == deep.dtype
        assert (page.colour == deep).all()


def test_pages_of_which_only_some_have_their_colours_in_planes() -> None:
    found, _ = pages(tiff([DEEP, corners(20, 10)[..., 0]], planar=True))
    assert [page.colour.shape for page in found] == [DEEP.shape, (10, 20)]
    assert (found[0].colour == DEEP).all()
    assert (found[1].colour == corners(20, 10)[..., 0]).all()


def test_planes_that_cannot_be_read() -> None:
    with pytest.raises(BrokenImage, match="planes"):
        pages(tiff([DEEP], {262: short(6)}, planar=True))


def test_a_jpeg_cut_short_is_filled_up_and_said() -> None:
    data = encoded(corners(320, 240), ".jpg")
    (page,), found = pages(data[: len(data) * 2 // 3])
    assert found.damage == CUT_SHORT
    whole = only(data).colour
    assert page.colour.shape == whole.shape
    assert np.abs(page.colour[:100].astype(int) - whole[:100].astype(int)).mean() < 3
    (grey,), _ = pages(encoded(corners(320, 240)[..., 0], ".jpg")[:-2])
    assert grey.colour.ndim == 2


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp"])
def test_other_files_cut_short_are_broken(suffix: str) -> None:
    data = encoded(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8), suffix)
    with pytest.raises(BrokenImage):
        pages(data[: len(data) // 2])


@pytest.mark.parametrize("name", FORMATS)
def test_each_byte_may_be_the_last(name: str) -> None:
    """What is there of a file is a picture or a sentence, and nothing worse."""
    data = encoded(corners(16, 8), FORMATS[name].suffixes[0])
    for end in (*range(0, len(data), max(1, len(data) // 100)), len(data) - 1):
        with suppress(BrokenImage):
            found, _ = pages(data[:end])
            assert [page.colour.shape[:2] for page in found] == [(8, 16)]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30)
@given(data=st.data())
def test_damage_within_is_said_and_nothing_worse(name: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(corners(16, 8), FORMATS[name].suffixes[0]))
    for _ in range(3):
        whole[data.draw(st.integers(12, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BrokenImage):
        pages(bytes(whole))


def test_an_avif_of_ten_bits_has_all_of_them() -> None:
    grey = np.tile(np.arange(0, 1024, 8, dtype=np.uint16), (16, 1))
    page = only(
        encoded(np.dstack((grey, grey, grey)), ".avif", cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 100)
    )
    assert page.colour.dtype == np.uint16
    assert np.abs(page.colour.astype(int) - np.round(grey / 1023 * 65535)[..., None]).max() <= 2 * 64


@pytest.mark.parametrize(
    ("data", "white"),
    [
        (b"P6 2 1 100\n" + bytes((100, 100, 100, 50, 50, 50)), [255, 128]),
        (b"P5 2 1 1023\n" + struct.pack(">2H", 1023, 512), [65535, 32800]),
        (b"P2 2 1 15 15 0", [255, 0]),
        (b"P4 8 1\n\x7f", [255, 0]),
    ],
)
def test_a_pnm_of_any_white(data: bytes, white: list[int]) -> None:
    colour = only(data).colour
    assert (colour if colour.ndim == 2 else colour[..., 0])[0, :2].tolist() == white


def test_a_tiff_whose_transparency_is_unassociated_is_exact() -> None:
    """OpenCV gives it multiplied in, and what is transparent without its colours."""
    alpha = np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1))
    file = BytesIO()
    Image.fromarray(np.dstack((corners()[..., ::-1], alpha))).save(file, "TIFF", compression="tiff_lzw")
    page = only(file.getvalue())
    assert (page.colour == corners()).all()
    assert page.alpha is not None
    assert (page.alpha == alpha).all()


def test_a_grey_tiff_keeps_its_transparency() -> None:
    file = BytesIO()
    Image.fromarray(np.dstack((GREY, 255 - GREY)), "LA").save(file, "TIFF")
    page = only(file.getvalue())
    assert (page.colour == GREY).all()
    assert page.alpha is not None
    assert (page.alpha == 255 - GREY).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_png_may_call_one_grey_transparent(bits: int) -> None:
    """Which OpenCV tells of colours only."""
    samples = np.tile(np.arange(16, dtype=np.uint16) % (1 << min(bits, 4)), (4, 1))
    if bits < 8:
        unpacked = (samples[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint16)) & 1
        rows = np.packbits(unpacked.astype(np.uint8).reshape(4, -1), axis=1)
    else:
        rows = samples.astype(">u2" if bits == 16 else np.uint8)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 16, 4, bits, 0, 0, 0, 0)),
        (b"tRNS", b"\0\1"),
        (b"IDAT", body),
        (b"IEND", b""),
    )
    page = only(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in parts))
    assert page.colour.ndim == 2
    assert page.alpha is not None
    assert ((page.alpha == 0) == (samples == 1)).all()
    assert page.alpha.max() == (65535 if bits == 16 else 255)


@pytest.mark.parametrize("angle", [0, 1, 2, 3])
def test_a_heic_is_upright_once(angle: int) -> None:
    """The container turns it, and EXIF says the same: only one of them counts."""
    orientation = (1, 8, 3, 6)[angle]
    block = Image.Exif()
    block[274] = orientation
    page = only(heic([corners()], exif=block.tobytes()))
    expected = upright(corners(), orientation)
    assert page.colour.shape == expected.shape
    assert np.abs(page.colour.astype(int) - expected).mean() < 6


def test_a_header_alone_is_broken() -> None:
    data = encoded(corners(), ".jpg")
    start = data.index(b"\xff\xda")
    with pytest.raises(BrokenImage):
        pages(data[:start])
