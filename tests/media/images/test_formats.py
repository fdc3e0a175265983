from __future__ import annotations

import pytest

from moviola.media.images.formats import FORMATS, OUTPUT_FORMATS, BrokenImage, format_of, written_as
from tests.media.images.pictures import corners, encoded


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_bytes_tell(name: str) -> None:
    assert format_of(encoded(corners(), FORMATS[name].suffixes[0])) == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"not a picture", "is no JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIF"),
        (b"RIFF\0\0\0\0WAVE", "is no JPEG"),
    ],
)
def test_what_is_no_picture_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenImage, match=reason):
        format_of(data)


def test_formats_are_kept_where_they_can_be_written() -> None:
    assert [written_as(name, "") for name in FORMATS] == ["jpg", "png", "webp", "tiff", "bmp", "png"]
    assert {written_as(name, "webp") for name in FORMATS} == {"webp"}
    assert set(OUTPUT_FORMATS) == set(FORMATS) - {"gif"}
