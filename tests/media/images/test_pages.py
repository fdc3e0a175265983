"""What each page of a TIFF carries of its own stays with it, or is said to be lost."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import tifffile
from PIL import Image

from moviola.media.images import tiff_header
from moviola.media.images.carried import Carried
from moviola.media.images.encode import Settings, encode
from moviola.media.images.readers import read_header
from moviola.media.images.tags import MARK
from tests.media.images.gallery import hang, output, said
from tests.media.images.photographs import SRGB, USER_COMMENT, XMP, noted
from tests.media.images.pictures import corners, heic

DESCRIPTION, PAGE_NAME, PAGE_NUMBER, X_RESOLUTION = 270, 285, 297, 282


def scan() -> bytes:
    """Three pages, each with a description, a name and a number, of 100, 200 and 300 dpi; XMP and a profile in the
    last two."""
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for number in range(3):
            tags: list[Any] = [
                (DESCRIPTION, 2, 0, f"what page {number} shows", True),
                (PAGE_NAME, 2, 0, f"page {number}", True),
                (PAGE_NUMBER, 3, 2, (number, 3), True),
            ]
            tags += [(700, 1, len(XMP), XMP, True), (34675, 7, len(SRGB), SRGB, True)] if number else []
            resolution = ((number + 1) * 100,) * 2
            writer.write(
                corners(40 + number, 30), photometric="rgb", metadata=None, extratags=tags, resolution=resolution,
                resolutionunit="inch",
            )  # fmt: skip
    return file.getvalue()


def test_tags_resolution_xmp_and_profile_of_each_page(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.tif": scan()}, output("blur"))["a.tif"]
    with tifffile.TiffFile(BytesIO(made)) as file:
        for number, page in enumerate(file.pages):
            tags: Any = page.tags  # type: ignore[union-attr]
            assert tags[DESCRIPTION].value == f"what page {number} shows"
            assert tags[PAGE_NAME].value == f"page {number}"
            assert tags[PAGE_NUMBER].value == (number, 3)
            assert tags[X_RESOLUTION].value == ((number + 1) * 100, 1)
            assert (34675 in tags) == (700 in tags) == (number > 0)
    assert said(tmp_path / "said", {"a.tif": scan()}) == set()


def test_directories_below_those_of_pages(tmp_path: Path) -> None:
    blocks = [noted() for _ in range(3)]
    for number, block in enumerate(blocks):
        block.get_ifd(34665)[USER_COMMENT] = b"ASCII\0\0\0page %d" % number
    first, *later = (Carried(exif=block.tobytes().removeprefix(MARK)) for block in blocks)
    data = encode([corners()] * 3, "tiff", Settings(95, False, "444", first, later=tuple(later)))
    again = hang(tmp_path, {"a.tif": data}, output("blur"))["a.tif"]
    with tifffile.TiffFile(BytesIO(again)) as file:
        comments = [page.tags[34665].value["UserComment"] for page in file.pages]  # type: ignore[union-attr]
    assert comments == [f"page {number}" for number in range(3)]


def test_pages_that_become_pictures_take_theirs_along(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.tif": scan()}, output(format="png"))
    for number, name in enumerate(made.names):
        image = Image.open(BytesIO(made[name]))
        assert image.getexif()[DESCRIPTION] == f"what page {number} shows"
        assert round(image.info["dpi"][0]) == (number + 1) * 100
        assert ("icc_profile" in image.info) == (number > 0)


def test_what_only_later_pages_have_is_said_too(tmp_path: Path) -> None:
    told = said(tmp_path, {"a.tif": scan()}, "bmp")
    assert {each.split(" of ")[0] for each in told} >= {"EXIF", "XMP", "the colour profile", "the resolution"}


def test_a_heic_gets_that_of_the_first_and_says_so(tmp_path: Path) -> None:
    assert (
        "what later pages carry of 1 TIFF image is left out: a HEIC file gets that of the first; --format tiff keeps it"
    ) in said(tmp_path, {"a.tif": scan()}, "heic")


def test_of_a_file_that_tells_it_once_all_pages_have_profile_and_resolution(tmp_path: Path) -> None:
    data = heic([corners(), corners()], icc_profile=SRGB, icc_profile_type="prof")
    made = hang(tmp_path, {"a.heic": data}, output(format="tiff"))
    with tifffile.TiffFile(BytesIO(made["a.tif"])) as file:
        assert [page.tags[34675].value for page in file.pages] == [SRGB, SRGB]  # type: ignore[union-attr]


def test_of_too_many_tags_those_of_the_first_page_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thousand pages may claim would keep a machine busy."""
    assert len(read_header(scan()).later) == 2
    monkeypatch.setattr(tiff_header, "MAX_TAGS", 40)
    assert read_header(scan()).later == ()
    (told,) = said(tmp_path, {"a.tif": scan()})
    assert told.startswith("what later pages carry of a.tif is left out: the pages have more than")
