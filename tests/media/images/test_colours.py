"""What colours mean, told by numbers: kept where the format has a place for them, else said."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from moviola.media.images.colours import is_wide
from moviola.media.images.readers import read_header
from tests.media.images.gallery import hang, output, said
from tests.media.images.photographs import SRGB
from tests.media.images.pictures import Pixels, corners, encoded, heic, png_bodies, png_chunk

DEEP = corners().astype(np.uint16) * 257
LINEAR = png_chunk(b"gAMA", struct.pack(">I", 100_000))
P3 = png_chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
NEAR_SRGB = png_chunk(b"gAMA", struct.pack(">I", 45_450)) + png_chunk(
    b"cHRM", struct.pack(">8I", 31269, 32899, 63999, 33001, 30000, 60000, 15000, 5999)
)
PQ = png_chunk(b"cICP", bytes((9, 16, 0, 1)))
NARROW = png_chunk(b"cICP", bytes((9, 16, 0, 0)))
PROFILE = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(SRGB))


def png(*chunks: bytes, pixels: Pixels | None = None) -> bytes:
    data = encoded(corners() if pixels is None else pixels)
    return data[:33] + b"".join(chunks) + data[33:]


def wide(**more: int) -> bytes:
    """A HEIC of BT.2020 with PQ."""
    return heic([corners()], color_primaries=9, transfer_characteristics=16, matrix_coefficients=9, **more)


@pytest.mark.parametrize("chunks", [LINEAR, P3, LINEAR + P3, PQ, NARROW, PROFILE + PQ])
@pytest.mark.parametrize("pixels", [corners(), DEEP], ids=["8 bits", "16 bits"])
def test_a_png_keeps_them(tmp_path: Path, chunks: bytes, pixels: Pixels) -> None:
    files = {"a.png": png(chunks, pixels=pixels)}
    made = hang(tmp_path, files, output("blur"))["a.png"]
    for kind in (b"cICP", b"gAMA", b"cHRM"):
        assert list(png_bodies(made, kind)) == list(png_bodies(files["a.png"], kind))
    assert said(tmp_path / "said", files) == set()


@pytest.mark.parametrize("chunks", [LINEAR, P3, PQ, NARROW, PROFILE + PQ])
@pytest.mark.parametrize("format", ["jpg", "webp", "tiff", "avif", "gif", "bmp", "pnm"])
def test_what_has_no_place_for_them_says_so(tmp_path: Path, chunks: bytes, format: str) -> None:
    told = [each for each in said(tmp_path, {"a.png": png(chunks)}, format) if each.startswith("the colour space")]
    assert len(told) == 1
    assert told[0].endswith("--format png keeps it")


def test_heic_and_png_tell_each_other(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.heic": wide()}, output(format="png"))["a.png"]
    assert list(png_bodies(made, b"cICP")) == [bytes((9, 16, 0, 1))]
    again = hang(tmp_path / "again", {"a.png": made}, output(format="heic"))["a.heic"]
    assert (read_header(again).carried.nclx or ())[:2] == (9, 16)
    assert (
        said(tmp_path / "png", {"a.heic": wide()}, "png") == said(tmp_path / "heic", {"a.png": made}, "heic") == set()
    )


def test_a_heic_says_what_others_have_no_place_for(tmp_path: Path) -> None:
    (told,) = said(tmp_path, {"a.heic": wide()}, "jpg")
    assert told == (
        "the colour space (nclx, cICP) of 1 HEIC image is left out: a JPEG file has no place for it; --format heic "
        "keeps it"
    )


@pytest.mark.parametrize("chunks", [NEAR_SRGB, png_chunk(b"sRGB", b"\0") + LINEAR, PROFILE + LINEAR + P3, b""])
@pytest.mark.parametrize("format", ["jpg", "webp", "tiff", "heic", "avif", "bmp"])
def test_of_srgb_and_of_what_does_not_count_nothing_is_said(tmp_path: Path, chunks: bytes, format: str) -> None:
    told = said(
        tmp_path, {"a.png": png(chunks), "b.avif": encoded(corners(), ".avif"), "c.heic": heic([corners()])}, format
    )
    assert not any("colour space" in each for each in told)


@pytest.mark.parametrize(
    "chunks", [png_chunk(b"gAMA", b"\0\1"), png_chunk(b"cHRM", bytes(40)), png_chunk(b"cICP", b"\x09")]
)
def test_chunks_of_another_length_are_no_colours(chunks: bytes) -> None:
    assert not read_header(png(chunks)).carried.chunks


def test_srgb_by_numbers() -> None:
    """Whatever the matrix, which is not the result's; 2 says nothing."""
    assert not any(map(is_wide, [None, (1, 13, 6, 1), (1, 13, 1, 0), (2, 2, 0, 1), (1, 2, 5, 1), (2, 13, 9, 1)]))
    assert all(map(is_wide, [(9, 16, 9, 1), (12, 13, 6, 1), (1, 1, 1, 1), (2, 18, 9, 1)]))
