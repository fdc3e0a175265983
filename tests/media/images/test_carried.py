"""What a picture carries beside its pixels, through the whole road; looked at with Pillow and tifffile."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from moviola.media.images.carried import Carried, Collector, LeftOut
from moviola.media.images.encode import Settings, encode
from moviola.media.images.readers import read_header
from tests.media.images.gallery import hang, output
from tests.media.images.photographs import (
    BIAS,
    MAKE,
    RATING,
    SRGB,
    SUFFIXES,
    TITLE,
    USER_COMMENT,
    XMP,
    XP_COMMENT,
    photograph,
)
from tests.media.images.pictures import PROFILE, corners, encoded, exif, long, rational, short, text, tiff, with_exif

WHITE_POINT, PRIMARIES = 318, 319


def seen(data: bytes) -> Image.Image:
    """A picture as Pillow reads it, HEIC by pillow-heif's plugin for it."""
    from pillow_heif import HeifImagePlugin  # noqa: F401, PLC0415 - it registers itself

    return Image.open(BytesIO(data))


def check(made: Image.Image, kind: str, orientation: int = 1) -> None:
    block = made.getexif()
    assert (block[TITLE], block[MAKE], block[RATING]) == ("A title", "A maker", 4)
    assert bytes(block[XP_COMMENT]).decode("utf-16-le") == "größer"
    camera, place = block.get_ifd(34665), block.get_ifd(34853)
    assert camera[USER_COMMENT] == b"ASCII\0\0\0mine"
    assert float(camera[BIAS]) == pytest.approx(-1 / 3)
    assert (place[1], tuple(map(float, place[2]))) == ("N", (48.0, 8.0, 15.5))
    assert made.info["icc_profile"] == SRGB
    packet = made.info.get("xmp") or made.tag_v2[700]  # type: ignore[attr-defined]
    assert packet.strip(b"\0") == XMP.replace(b'Orientation="6"', b'Orientation="%d"' % orientation)
    dpi = made.info.get("dpi") or (block[282], block[283])
    assert tuple(map(round, dpi)) == (300, 300)
    if kind in ("JPEG", "PNG"):
        assert made.info.get("comment", made.info.get("Comment")) in (b"a comment", "a comment")
    if kind == "PNG":
        assert made.info["Title"] == "A title"


@pytest.mark.parametrize("kind", SUFFIXES)
def test_everything_is_kept_in_the_same_format(tmp_path: Path, kind: str) -> None:
    name = f"a{SUFFIXES[kind]}"
    data = photograph(kind)
    check(seen(data), kind, orientation=1 if kind == "HEIF" else 6)  # it is there to be lost
    made = hang(tmp_path, {name: data}, output("blur"))
    check(seen(made[name]), kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_everything_is_kept_in_another_format(tmp_path: Path, kind: str) -> None:
    format = {"JPEG": "jpg", "HEIF": "heic"}.get(kind, kind.lower())
    made = hang(tmp_path, {"a.jpg": photograph("JPEG")}, output(format=format))
    check(seen(made[f"a{SUFFIXES[kind]}"]), "another")


@pytest.mark.parametrize("format", ["jpg", "png", "webp", "tiff", "heic", "avif"])
@pytest.mark.parametrize("dpi", [(0.25, 0.25), (72, 65_536), (101_600, 101_600), (3e8, 3e8)])
@pytest.mark.parametrize("told", [b"", exif({MAKE: text("a maker")})], ids=["alone", "with EXIF"])
def test_a_resolution_that_a_format_has_no_room_for_is_told_in_exif(
    format: str, dpi: tuple[float, float], told: bytes
) -> None:
    """101 600 pixels an inch are a microscope's quarter of a micrometre; JFIF's 16 bits would make 36 064 of it."""
    made = encode([corners()], format, Settings(95, False, "444", Carried(exif=told, resolution=dpi)))
    assert read_header(made).carried.resolution == pytest.approx(dpi, rel=2e-4)  # PNG counts whole pixels a metre


def test_a_deep_png_keeps_it_too(tmp_path: Path) -> None:
    data = photograph("PNG")
    deep = encoded(corners().astype(np.uint16) * 257)
    start, end = 33, data.index(b"IDAT") - 4
    made = hang(tmp_path, {"a.png": deep[:33] + data[start:end] + deep[33:]}, output("blur"))
    assert made["a.png"][24] == 16
    check(seen(made["a.png"]), "PNG")


def test_a_tiff_has_its_tags_with_their_types(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.tif": photograph("TIFF")}, output("blur"))
    with tifffile.TiffFile(BytesIO(made["a.tif"])) as file:
        tags = file.pages.first.tags
        assert tags[34665].value["ExposureBiasValue"] == (-1, 3)
        assert tags[34853].value["GPSLatitudeRef"] == "N"
        assert tags[34675].value == SRGB


@pytest.mark.parametrize("tag", [WHITE_POINT, PRIMARIES])
def test_a_tiff_has_as_many_fractions_as_before(tmp_path: Path, tag: int) -> None:
    numbers = tuple(range(1, 5 if tag == WHITE_POINT else 13))
    made = hang(tmp_path, {"a.tif": tiff([corners()], {tag: rational(*numbers)})})
    with tifffile.TiffFile(BytesIO(made["a.tif"])) as file:
        assert file.pages.first.tags[tag].value == numbers


def test_texts_that_are_not_ascii(tmp_path: Path) -> None:
    """Which Pillow's own EXIF writes as question marks."""
    title = "Größe".encode()
    block = exif({TITLE: (2, len(title) + 1, title + b"\0")})
    made = hang(tmp_path, {"a.jpg": with_exif(encoded(corners(), ".jpg"), block)}, output("blur"))
    assert title in seen(made["a.jpg"]).info["exif"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_a_comment_keeps_its_letters_in_a_png(tmp_path: Path, encoding: str, kind: str) -> None:
    file = BytesIO()
    Image.fromarray(corners()).save(file, kind, comment="Größe".encode(encoding))
    made = hang(tmp_path, {"a.jpg": file.getvalue()}, output(format="png"))
    assert seen(made["a.png"]).info["Comment"] == "Größe"


def test_thumbnail_and_private_notes_are_dropped_and_said(tmp_path: Path) -> None:
    """They would show the face that a filter hides."""
    face = encoded(corners(16, 16), ".jpg")
    camera = {36867: text("2020:01:02 03:04:05"), 37500: (7, 40, b"private notes with offsets of their own!")}
    block = exif({MAKE: text("a maker")}, camera)
    second = b"".join(
        (
            b"\x02\0",
            b"\x01\x02\x04\0\x01\0\0\0" + (len(block) + 30).to_bytes(4, "little"),
            b"\x02\x02\x04\0\x01\0\0\0" + len(face).to_bytes(4, "little"),
            bytes(4),
        )
    )
    at = 8 + 2 + 2 * 12  # where the first directory tells of the next
    whole = block[:at] + len(block).to_bytes(4, "little") + block[at + 4 :] + second + face
    data = with_exif(encoded(corners(), ".jpg"), whole)
    assert face in data
    made = hang(tmp_path, {"a.jpg": data, "b.jpg": data}, output("blur"))
    assert face not in made["a.jpg"]
    assert b"private" not in made["a.jpg"]
    assert seen(made["a.jpg"]).getexif().get_ifd(34665)[36867] == "2020:01:02 03:04:05"
    told = [f"{each.subject} {each.reason}" for each in made.source.common_facts.findings]
    assert "the thumbnail of a.jpg and of 1 more is left out: it would show the picture as it was" in told
    assert any("private notes of a.jpg and of 1 more" in each for each in told)


def test_pictures_within_xmp_are_dropped() -> None:
    packet = XMP.replace(
        b'xmp:Rating="4"',
        b'xmlns:GImage="http://ns.google.com/photos/1.0/image/" GImage:Data="/9j/unfiltered" xmp:Rating="4"',
    ).replace(b"/></rdf:RDF>", b"><xmp:Thumbnails>/9j/unfiltered</xmp:Thumbnails></rdf:Description></rdf:RDF>")
    found = Collector()
    kept = found.xmp(packet)
    assert b"unfiltered" not in kept
    assert b'xmp:Rating="4"' in kept
    assert LeftOut.PICTURES_IN_XMP in found.left_out


@pytest.mark.parametrize("packet", [b"<!DOCTYPE x>" + XMP, XMP + bytes([65]) * (1 << 20)])
def test_xmp_that_is_dangerous_is_left_out(packet: bytes) -> None:
    found = Collector()
    assert found.xmp(packet) == b""
    assert found.left_out == [LeftOut.BROKEN_XMP]


def test_what_is_too_long_for_any_picture_is_left_out_and_said() -> None:
    camera = {tag: (7, 10_000, bytes(10_000)) for tag in range(50_000, 50_010)}
    found = Collector()
    assert found.exif(exif({271: text("a maker")}, camera)) == b""
    assert found.left_out == [LeftOut.BROKEN_EXIF]


@pytest.mark.parametrize("block", [b"", b"II*\0", b"JUNK", exif({274: short(6)}), exif({34665: long(10**6)})])
def test_of_nothing_or_garbage_stays_nothing(block: bytes) -> None:
    assert Collector().exif(block) == b""


def test_a_profile_of_several_segments(tmp_path: Path) -> None:
    profile = PROFILE + bytes(200_000)
    file = BytesIO()
    Image.fromarray(corners()).save(file, "JPEG", icc_profile=profile)
    made = hang(tmp_path, {"a.jpg": file.getvalue()})
    assert read_header(made["a.jpg"]).carried.profile == profile


def test_a_profile_is_for_so_many_channels() -> None:
    found = Collector()
    assert found.profile(PROFILE, 3) == PROFILE
    assert not found.left_out
    assert found.profile(PROFILE, 1) == b""
    assert found.profile(PROFILE.replace(b"RGB ", b"CMYK"), 3) == b""
    assert found.left_out == [LeftOut.PRINT_PROFILE] * 2


def test_colours_of_a_wide_heic_are_told_by_a_png() -> None:
    """In the chunk that PNG's third edition has for it, where there is no profile."""
    carried = Carried(nclx=(9, 16, 9, 1))
    assert carried.held_by("png").nclx == (9, 16, 9, 1)


def test_iptc_stays_in_jpeg_and_tiff(tmp_path: Path) -> None:
    """A caption, as agencies write it; a preview beside it is dropped."""
    records = b"\x1c\x02\x78\0\x09a caption"
    blocks = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4) + records
    blocks += b"8BIM\x04\x0c\0\0" + (8).to_bytes(4) + b"preview!"
    file = BytesIO()
    body = b"Photoshop 3.0\0" + blocks
    Image.fromarray(corners()).save(file, "JPEG", extra=b"\xff\xed" + (len(body) + 2).to_bytes(2) + body)
    assert seen(file.getvalue()).info["photoshop"] == {0x0404: records, 0x040C: b"preview!"}
    made = hang(tmp_path, {"a.jpg": file.getvalue()}, output("blur"))
    assert seen(made["a.jpg"]).info["photoshop"] == {0x0404: records}
    assert [each.subject for each in made.source.common_facts.findings] == ["blocks of an editor of a.jpg"]
    made = hang(tmp_path, {"a.jpg": file.getvalue()}, output(format="tiff"))
    assert seen(made["a.tif"]).tag_v2[33723] == records  # type: ignore[attr-defined]
    made = hang(tmp_path / "again", {"a.tif": made["a.tif"]}, output(format="jpg"))
    assert seen(made["a.jpg"]).info["photoshop"] == {0x0404: records}


def test_xmp_of_two_parts_loses_the_second_and_says_so() -> None:
    packet = XMP.replace(
        b'xmp:Rating="4"',
        b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="0123456789ABCDEF" xmp:Rating="4"',
    )
    found = Collector()
    kept = found.xmp(packet)
    assert b"HasExtendedXMP" not in kept
    assert b'xmp:Rating="4"' in kept
    assert LeftOut.EXTENDED_XMP in found.left_out
