"""What is said of pictures before anything is sent."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from moviola.media.fidelity import Fate
from moviola.media.images.formats import FORMATS
from moviola.media.kinds import findings
from tests.media.images.gallery import cut, output, said
from tests.media.images.photographs import photograph
from tests.media.images.pictures import animation, corners, deep_animation, encoded, tiff

DEEP = corners().astype(np.uint16) * 257


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("gif", "avif")])
def test_of_a_picture_that_keeps_its_format_nothing_is_said(tmp_path: Path, name: str) -> None:
    assert said(tmp_path, {"a": encoded(corners(), FORMATS[name].suffixes[0])}) == set()


def test_what_a_format_has_no_place_for(tmp_path: Path) -> None:
    told = said(tmp_path, {"a.png": photograph("PNG"), "b.jpg": photograph("JPEG")}, "bmp")
    assert {each.split(":")[0] for each in told if "PNG" in each} == {
        f"{thing} of 1 PNG image is left out"
        for thing in ("EXIF", "XMP", "the colour profile", "the resolution", "the comment", "texts")
    }
    assert "XMP of 1 JPEG image is left out: a BMP file has no place for it; --format jpg keeps it" in told
    assert said(tmp_path, {"a.png": photograph("PNG")}, "bmp", codec="none") == set()


@pytest.mark.parametrize(
    ("data", "format", "sentence"),
    [
        (encoded(DEEP), "webp", "the 16 bits a sample of 1 PNG image become 8: a WebP file has no more"),
        (encoded(np.dstack((corners(), corners()[..., 0]))), "jpg", "transparency of 1 PNG image"),
        (tiff([corners(), corners()]), "png", "the pages of 1 TIFF image become pictures"),
        (animation(".gif", [corners(), 255 - corners()]), "jpg", "the frames of 1 GIF image become pictures"),
        (animation(".gif", [corners(), 255 - corners()]), "tiff", "the frames of 1 GIF image become pages"),
        (animation(".gif", [corners(), 255 - corners()]), "", "the colours of 1 GIF image become 256 a frame"),
        (encoded(corners(), ".gif"), "", "the format of 1 GIF image becomes PNG: 256 colours are too few"),
        (encoded(DEEP // 64, ".avif", 513, 10), "", "the format of 1 AVIF image becomes PNG:"),
        (deep_animation(".png", [DEEP, 65535 - DEEP]), "", "the 16 bits a sample of 1 PNG image become 8: PNG ani"),
        (deep_animation(".avif", [DEEP, 65535 - DEEP]), "", "the 10 bits a sample of 1 AVIF image become 8: AVIF"),
        (deep_animation(".png", [DEEP, 65535 - DEEP]), "heic", "the 16 bits a sample of 1 PNG image become 10: a HE"),
    ],
)  # fmt: skip
def test_what_is_changed(tmp_path: Path, data: bytes, format: str, sentence: str) -> None:
    assert any(each.startswith(sentence) for each in said(tmp_path, {"a": data}, format)), sentence


def test_what_is_kept_is_told_too(tmp_path: Path) -> None:
    source, _ = cut(tmp_path, {"a.png": photograph("PNG"), "b.jpg": photograph("JPEG")})
    kept = {each.subject for each in findings(source, output()) if each.fate is Fate.KEPT}
    assert {"EXIF of 2 images", "XMP of 2 images", "texts of 1 image"} <= kept


def test_xmp_that_is_too_long_for_a_jpeg(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<x>" + "y" * 70_000 + "</x>")
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    assert said(tmp_path, {"a.png": file.getvalue()}) == set()
    (told,) = said(tmp_path, {"a.png": file.getvalue()}, "jpg")
    assert told.startswith("XMP of 1 PNG image is left out: it is too long for a JPEG file")


def test_further_pictures_behind_a_jpeg(tmp_path: Path) -> None:
    file = BytesIO()
    first, second = (Image.fromarray(each) for each in (corners(), corners()[..., 0].copy()))
    first.save(file, "MPO", save_all=True, append_images=[second])
    (told,) = said(tmp_path, {"a.jpg": file.getvalue()})
    assert told.startswith("the further pictures (gain map or second view, with their XMP) of a.jpg are left out")
