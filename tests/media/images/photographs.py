"""Photographs for tests that carry all that their formats hold, made by Pillow and pillow-heif."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from tests.media.images.pictures import corners, heic

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmp:Rating="4" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
TITLE, MAKE, RATING, XP_COMMENT, USER_COMMENT, BIAS = 270, 271, 18246, 40092, 37510, 37380
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "AVIF": ".avif", "HEIF": ".heic"}


def noted() -> Image.Exif:
    """EXIF with a title, a rating, comments, a place."""
    made = Image.Exif()
    made[TITLE] = "A title"
    made[MAKE] = "A maker"
    made[RATING] = 4
    made[XP_COMMENT] = "größer".encode("utf-16-le")
    made.get_ifd(34665)[USER_COMMENT] = b"ASCII\0\0\0mine"
    made.get_ifd(34665)[BIAS] = IFDRational(-1, 3)
    made.get_ifd(34853).update({1: "N", 2: (48.0, 8.0, 15.5), 3: "E", 4: (11.0, 34.0, 30.0)})
    return made


def photograph(kind: str) -> bytes:
    """A picture that carries all that its format holds."""
    image = Image.fromarray(corners()[..., ::-1].copy())
    if kind == "HEIF":
        block = noted()
        block[282], block[283], block[296] = 300.0, 300.0, 2
        return heic(
            [corners()],
            exif=block.tobytes(),
            xmp=XMP.replace(b'"6"', b'"1"'),
            icc_profile=SRGB,
            icc_profile_type="prof",
        )
    options: dict[str, Any] = {"exif": noted(), "icc_profile": SRGB, "dpi": (300, 300)}
    if kind == "PNG":
        options["pnginfo"] = info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        info.add_text("Title", "A title")
        info.add_text("Comment", "a comment")
    elif kind == "TIFF":
        options["exif"][700] = XMP
        options["exif"] = options["exif"].tobytes()
    else:
        options["xmp"] = XMP
    if kind in ("WEBP", "AVIF"):
        options["exif"][282], options["exif"][283], options["exif"][296] = 300.0, 300.0, 2
    if kind == "JPEG":
        options["comment"] = "a comment"
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
