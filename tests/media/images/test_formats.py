from __future__ import annotations

import pytest

from moviola.media.images.formats import FORMATS, BrokenImage, format_of, written_as
from tests.media.images.pictures import corners, encoded


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_bytes_tell(name: str) -> None:
    assert format_of(encoded(corners(), FORMATS[name].suffixes[0])) == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"not a picture", "is not a JPEG"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"8BPS", "Photoshop"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mif1", "is not a JPEG"),
        (b"RIFF\0\0\0\0WAVE", "is not a JPEG"),
    ],
)
def test_what_is_no_picture_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenImage, match=reason):
        format_of(data)


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic\0\0\0\0mif1heic", "heic"),
        (b"mif1\0\0\0\0mif1heic", "heic"),
        (b"mif1\0\0\0\0mif1avif", "avif"),
        (b"avis\0\0\0\0msf1avif", "avif"),
        (b"msf1\0\0\0\0hevcmif1", "heic"),
    ],
)
def test_brands_tell_heic_and_avif(brands: bytes, name: str) -> None:
    assert format_of((8 + len(brands)).to_bytes(4) + b"ftyp" + brands) == name


def test_formats_are_kept_where_they_can_be_written() -> None:
    assert {name for name in FORMATS if written_as(name, "") != name} == {"gif"}
    assert {name for name in FORMATS if written_as(name, "", is_moving=True) != name} == set()
    assert {name for name in FORMATS if written_as(name, "", is_deep=True) != name} == {"gif", "avif"}
    assert {name for name in FORMATS if written_as(name, "", is_moving=True, is_deep=True) != name} == set()
    assert {written_as(name, "webp") for name in FORMATS} == {"webp"}
