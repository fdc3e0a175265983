from __future__ import annotations

import struct
from contextlib import suppress

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.images import readers
from moviola.media.images.formats import FORMATS, BrokenImage
from moviola.media.images.header import MAX_PIXELS
from moviola.media.images.readers import read_header
from tests.media.images.pictures import animation, bomb, corners, encoded, exif, long, short, tiff, with_exif


@pytest.mark.parametrize("name", FORMATS)
def test_the_size_without_decoding(name: str) -> None:
    found = read_header(encoded(corners(50, 30), FORMATS[name].suffixes[0]))
    assert (found.format, found.width, found.height, found.pixel_count) == (name, 50, 30, 1500)
    assert found.pages == (0,)
    assert found.orientation == 1


def test_webp_in_all_its_layouts() -> None:
    lossy = read_header(encoded(corners(50, 30), ".webp", cv2.IMWRITE_WEBP_QUALITY, 80))
    lossless = read_header(encoded(corners(50, 30), ".webp", cv2.IMWRITE_WEBP_QUALITY, 101))
    alpha = read_header(encoded(cv2.cvtColor(corners(50, 30), cv2.COLOR_BGR2BGRA) // 2, ".webp"))
    assert {(each.width, each.height) for each in (lossy, lossless, alpha)} == {(50, 30)}
    assert lossless.is_lossless
    assert not lossy.is_lossless


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_has_pages(suffix: str) -> None:
    found = read_header(animation(suffix, [corners(40, 30), 255 - corners(40, 30), corners(40, 30) // 2]))
    assert found.pages == (0, 1, 2)
    assert found.pixel_count == 3 * 40 * 30


def test_pages_of_a_tiff_without_its_thumbnails() -> None:
    assert read_header(tiff([corners(40, 30), corners(20, 10)])).pages == (0, 1)
    assert read_header(tiff([corners(40, 30), corners(20, 10)])).pixel_count == 40 * 30 + 20 * 10
    reduced = tiff([corners(20, 10)], {254: long(1)})
    with pytest.raises(BrokenImage, match="no picture"):
        read_header(reduced)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    assert (
        read_header(with_exif(encoded(corners(), ".jpg"), exif({274: short(orientation)}))).orientation == orientation
    )


@pytest.mark.parametrize(
    "block", [exif({274: short(9)}), exif({274: short(0)}), exif({271: short(6)}), b"II*\0", b"??"]
)
def test_senseless_exif_does_no_harm(block: bytes) -> None:
    assert read_header(with_exif(encoded(corners(), ".jpg"), block)).orientation == 1


@pytest.mark.parametrize(("factor", "chroma"), [(0x111111, "444"), (0x211111, "422"), (0x221111, "420")])
def test_resolution_of_colours(factor: int, chroma: str) -> None:
    assert read_header(encoded(corners(), ".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor)).chroma == chroma


def test_a_bomb_is_refused_by_its_header() -> None:
    assert read_header(bomb(MAX_PIXELS // 1024, 1024)).pixel_count == MAX_PIXELS
    with pytest.raises(BrokenImage, match="million pixels"):
        read_header(bomb(MAX_PIXELS // 1024 + 1, 1024))
    with pytest.raises(BrokenImage, match="million pixels"):
        read_header(tiff([corners(8, 8)], {256: long(60000), 257: long(60000)}))


def test_a_file_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_FILE_SIZE", 100)
    with pytest.raises(BrokenImage, match="MiB"):
        read_header(encoded(corners()))


def test_too_many_pages() -> None:
    control = b"\x21\xf9\x04\0\0\0\0\0"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    gif = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    assert len(read_header(gif + 3 * (control + frame) + b"\x3b").pages) == 3
    with pytest.raises(BrokenImage, match="pages"):
        read_header(gif + 1001 * frame + b"\x3b")


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_cut_short(name: str) -> None:
    data = encoded(corners(), FORMATS[name].suffixes[0])
    with pytest.raises(BrokenImage):
        read_header(data[:8])


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_damage_is_said_and_nothing_worse(name: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(corners(16, 16), FORMATS[name].suffixes[0]))
    for _ in range(3):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BrokenImage):
        found = read_header(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
        assert 1 <= found.pixel_count <= MAX_PIXELS


def test_headers_that_would_take_long_are_refused_soon() -> None:
    """Directories that are all entries, and chunks of nothing."""
    entries = struct.pack("<H", 4000) + struct.pack("<HHII", 256, 4, 1, 1) * 4000
    chain = b"".join(entries + struct.pack("<I", 8 + (at + 1) * (len(entries) + 4)) for at in range(60))
    with pytest.raises(BrokenImage, match="claim too many"):
        read_header(b"II*\0\x08\0\0\0" + chain)
    chunk = bytes(4) + b"vpAg" + bytes(4)
    with pytest.raises(BrokenImage, match="chunks"):
        read_header(b"\x89PNG\r\n\x1a\n" + chunk * 200_001)
