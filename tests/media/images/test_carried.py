from __future__ import annotations

import cv2
import numpy as np
import pytest

from moviola.media.images.carried import attached, fits, lasting_exif
from moviola.media.images.header import read_header
from moviola.media.images.ifd import Directories
from tests.media.images.pictures import PROFILE, corners, decoded, encoded, exif, long, short, text

MAKER_NOTE = (7, 40, b"private notes with offsets of their own!")
THUMBNAIL = {513: long(0), 514: long(100)}


def test_of_exif_stays_what_is_true_of_the_result() -> None:
    camera = {36867: text("2020:01:02 03:04:05"), 37500: MAKER_NOTE, 40962: long(640), 40963: long(480)}
    kept = lasting_exif(exif({271: text("a maker"), 274: short(6), **THUMBNAIL}, camera))
    (first,) = Directories(kept).chain(9)
    assert set(first) == {271, 34665}
    nested = Directories(kept).at(first[34665].number)
    assert set(nested) == {36867}
    assert nested[36867].data == b"2020:01:02 03:04:05\0"
    assert b"private" not in kept


def test_what_is_too_long_for_any_picture_is_left_out() -> None:
    camera = {tag: (7, 10_000, bytes(10_000)) for tag in range(50_000, 50_010)}
    assert lasting_exif(exif({271: text("a maker")}, camera)) == b""


@pytest.mark.parametrize("block", [b"", b"II*\0", b"JUNK", exif({274: short(6)}), exif({34665: long(10**6)})])
def test_of_nothing_or_garbage_stays_nothing(block: bytes) -> None:
    assert lasting_exif(block) == b""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".webp lossless", ".webp alpha"])
@pytest.mark.parametrize(
    ("profile", "block"), [(PROFILE, b""), (b"", exif({271: text("me")})), (PROFILE, exif({271: text("me")}))]
)
def test_goes_into_the_file_and_leaves_the_pixels_alone(suffix: str, profile: bytes, block: bytes) -> None:
    kind, _, way = suffix.partition(" ")
    pixels = corners()
    if way == "alpha":
        pixels = np.dstack((pixels, pixels[..., 0]))
    options = (cv2.IMWRITE_WEBP_QUALITY, 101 if way == "lossless" else 80) if kind == ".webp" else ()
    data = encoded(pixels, kind, *options)
    with_all = attached(data, kind[1:], block, profile)
    found = read_header(with_all)
    assert (found.exif, found.profile) == (block, profile)
    assert (found.width, found.height) == (48, 32)
    assert (decoded(with_all) == decoded(data)).all()


def test_a_profile_of_several_segments() -> None:
    profile = PROFILE + bytes(200_000)
    assert read_header(attached(encoded(corners(), ".jpg"), "jpg", b"", profile)).profile == profile


def test_nothing_to_attach() -> None:
    data = encoded(corners(), ".png")
    assert attached(data, "png", b"", b"") is data
    assert attached(data, "bmp", b"x", b"y") is data


def test_a_profile_is_for_so_many_channels() -> None:
    assert fits(PROFILE, 3)
    assert not fits(PROFILE, 1)
    assert not fits(b"", 3)
    assert not fits(PROFILE.replace(b"RGB ", b"CMYK"), 3)
