"""Pictures into files' bytes. The same picture and settings always give the same bytes, on any number of cores.

Pillow writes JPEG and WebP with the very bits of pixels that OpenCV writes, and what belongs to a picture beside them.
tifffile writes TIFF, pillow-heif HEIC, and OpenCV what Pillow cannot: samples of 16 bits in PNG, PNM, BMP with
transparency.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pillow_heif
from PIL import Image, PngImagePlugin

from moviola.base.arrays import np
from moviola.filters.toolbox.opencv import cv2
from moviola.media.images.carried import Carried
from moviola.media.images.colours import SRGB, is_wide
from moviola.media.images.formats import FORMATS, BrokenImage
from moviola.media.images.tags import MARK
from moviola.media.images.tiff import tiff

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Pixels = NDArray[Any]

PNG_COMPRESSION: Final = 3
"""zlib's level, of 9: photographs come out 2 to 11 % larger than at 6, in about half the time."""

AVIF_SPEED: Final = 8
"""libaom's speed, of 10."""

_SAMPLING: Final = {"444": "4:4:4", "422": "4:2:2", "420": "4:2:0"}
_WEBP_EFFORT: Final = 70  # of lossless files: libwebp's own
_X265: Final = {"preset": "ultrafast", "x265:pools": "none", "x265:wpp": "0", "x265:frame-threads": "1"}
"""Left alone x265 works by the machine's cores, and writes other bytes with each number. With these pictures of three
megapixels are 5 % larger than by its slower presets at the same quality, in an eighth of the time."""

_UNSTORABLE: Final = (
    OSError, ValueError, RuntimeError, SystemError, ArithmeticError, LookupError, TypeError, struct.error,
)  # fmt: skip
"""What encoders raise for pictures, times and tags that have no place in a file: a number too large for its bytes is an
OverflowError, which is no ValueError."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How pictures are encoded.

    Attributes:
        quality: 1 to 100, of what is not `lossless`.
        lossless: of WebP.
        chroma: the resolution of colours, one of 444, 422, 420.
        carried: what the file has beside the pixels.
        durations_ms: of an animation, of each frame; empty where pages are pictures of their own.
        loop_count: how often an animation plays, 0 for ever.
        later: what each later page has beside its pixels, where that is told.
    """

    quality: int
    lossless: bool
    chroma: str
    carried: Carried = field(default_factory=Carried)
    durations_ms: tuple[int, ...] = ()
    loop_count: int = 0
    later: tuple[Carried, ...] = ()

    def of_page(self, number: int) -> Carried:
        """Return what a page has, counted from 0: where it is not told, what is true of all pages of the first's."""
        if number and not self.later:
            return Carried(profile=self.carried.profile, resolution=self.carried.resolution)
        return (self.carried, *self.later)[number]


def encode(pages: Sequence[_Pixels], name: str, settings: Settings) -> bytes:
    """Return a file of the format `name` with these pictures: one, or several where the format has pages or can move.

    Each is height × width, × 2 (grey and alpha), × 3 (BGR) or × 4 (BGRA), uint8 or uint16; what the format cannot hold
    must have been taken away by `storable`. Raise BrokenImage with the reason when there is no file that holds them.
    """
    carried = settings.carried.held_by(name)
    try:
        if name == "tiff":
            return tiff(pages, [settings.of_page(number).held_by(name) for number in range(len(pages))])
        if name == "heic":
            return _heic(pages, settings, carried)
        if name in ("bmp", "pnm") or pages[0].dtype == np.uint16:
            return _by_opencv(pages[0], name, carried)
        return _by_pillow(pages, name, settings, carried)
    except cv2.error as error:
        raise _unstorable(pages, name, error.err) from None
    except _UNSTORABLE as error:
        raise _unstorable(pages, name, str(error)) from None


def storable(colour: _Pixels, alpha: _Pixels | None, name: str, *, is_moving: bool = False) -> _Pixels:
    """Return a picture, or a frame of an animation, and its transparency as `encode` takes them for this format: 16
    bits become 8 where no more are written."""
    kind = FORMATS[name]
    if name == "gif" and alpha is not None:  # what shows through a bit is not transparent there
        peak = np.iinfo(alpha.dtype).max
        alpha = np.where(alpha < (peak + 1) // 2, 0, peak).astype(alpha.dtype)
        colour = np.where((alpha > 0)[(..., None)[: colour.ndim - 1]], colour, 0).astype(colour.dtype)
    if colour.dtype == np.uint16 and kind.bits_of(is_moving=is_moving) == 8:
        colour, alpha = _of_8_bits(colour), None if alpha is None else _of_8_bits(alpha)
    if alpha is not None and kind.has_alpha:
        if colour.ndim == 2 and not kind.keeps_grey(8 * colour.itemsize, has_alpha=True):
            colour = np.repeat(colour[..., None], 3, axis=2)
        colour = np.dstack((colour, alpha))
    return colour


def _of_8_bits(samples: _Pixels) -> _Pixels:
    return np.rint(samples / 257).astype(np.uint8)


def alike(pages: Sequence[_Pixels]) -> list[_Pixels]:
    """Return pages, or frames of an animation, that all have colours, and transparency, if one of them has."""
    channels = [1 if page.ndim == 2 else page.shape[2] for page in pages]
    has_colours, has_alpha = max(channels) > 2, any(each % 2 == 0 for each in channels)
    return [_with_channels(page, has_colours=has_colours, has_alpha=has_alpha) for page in pages]


def _with_channels(page: _Pixels, *, has_colours: bool, has_alpha: bool) -> _Pixels:
    planes = [page] if page.ndim == 2 else [page[..., number] for number in range(page.shape[2])]
    alpha = planes.pop() if len(planes) % 2 == 0 else None
    if (alpha is not None) == has_alpha and (len(planes) > 1) == has_colours:
        return page
    if alpha is None and has_alpha:
        alpha = np.full(page.shape[:2], np.iinfo(page.dtype).max, page.dtype)
    planes *= 3 if has_colours and len(planes) == 1 else 1
    return np.dstack(planes if alpha is None else [*planes, alpha])


def _by_pillow(pages: Sequence[_Pixels], name: str, settings: Settings, carried: Carried) -> bytes:
    first, *others = (Image.fromarray(_rgb(page)) for page in pages)
    options: dict[str, Any] = {"quality": settings.quality}
    if carried.exif:
        options["exif"] = MARK + carried.exif
    if carried.profile:
        options["icc_profile"] = carried.profile
    if carried.xmp and name != "png":
        options["xmp"] = carried.xmp
    if name == "jpg":
        options |= {"subsampling": _SAMPLING[settings.chroma], "comment": carried.comment}
        options |= {"extra": _iptc_segment(carried.iptc)} if carried.iptc else {}
        options |= {"dpi": tuple(round(each) for each in carried.resolution)} if carried.resolution else {}
    elif name == "png":
        options = {**options, "compress_level": PNG_COMPRESSION, "dpi": carried.resolution, "pnginfo": _texts(carried)}
    elif name == "webp" and settings.lossless:
        options |= {"lossless": True, "quality": _WEBP_EFFORT, "exact": True}
    elif name == "avif":
        options |= {"subsampling": _SAMPLING[settings.chroma], "speed": AVIF_SPEED, "max_threads": 1, "codec": "aom"}
        options |= {"subsampling": "4:0:0"} if first.mode == "L" else {}
    elif name == "gif":
        options = {"comment": carried.comment} if carried.comment else {}
    if settings.durations_ms:
        options |= {"save_all": True, "append_images": others, "duration": list(settings.durations_ms)}
        options |= {"disposal": 2} if name == "gif" and first.mode == "RGBA" else {}
        options |= _rounds(name, settings.loop_count)
    file = BytesIO()
    first.save(file, _PILLOW[name], **options)
    return file.getvalue()


def _iptc_segment(records: bytes) -> bytes:
    """Return the segment of a JPEG that has IPTC's records, as Photoshop's only block."""
    block = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4) + records + b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(body) + 2).to_bytes(2) + body


def _rounds(name: str, count: int) -> dict[str, int]:
    """Return how Pillow is told how often an animation plays: a GIF tells how often it plays again."""
    if name == "gif":
        return {} if count == 1 else {"loop": max(count - 1, 0)}
    return {"loop": count}


_PILLOW: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF"}


def _rgb(pixels: _Pixels) -> _Pixels:
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        return pixels
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])


def _texts(carried: Carried) -> PngImagePlugin.PngInfo:
    """Return the chunks of a PNG with texts, and those that tell what its colours mean."""
    texts = PngImagePlugin.PngInfo()
    if carried.xmp:
        texts.add_itxt("XML:com.adobe.xmp", carried.xmp)
    if carried.comment:
        texts.add_itxt("Comment", _text(carried.comment))
    for key, text in carried.texts:
        texts.add_text(key, text)
    if carried.nclx and not carried.profile and is_wide(carried.nclx):
        primaries, transfer, _, _ = carried.nclx
        texts.add(b"cICP", bytes((primaries & 255, transfer & 255, 0, 1)))  # PNG, third edition: RGB, full range
    for name, body in carried.chunks:
        texts.add(name, body)
    return texts


def _text(comment: bytes) -> str:
    """Return a comment of a JPEG or GIF, which say nothing of its letters' encoding: old ones have Latin-1."""
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _by_opencv(pixels: _Pixels, name: str, carried: Carried) -> bytes:
    options = [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION] if name == "png" else []
    made, data = cv2.imencode(FORMATS[name].suffixes[0] if name != "pnm" else ".pnm", pixels, options)
    if not made:
        raise ValueError("the encoder gives no reason")
    return _with_chunks(data.tobytes(), carried) if name == "png" else data.tobytes()


def _with_chunks(data: bytes, carried: Carried) -> bytes:
    """Return a PNG of OpenCV's with what belongs to it, by a file of one pixel that Pillow writes."""
    file = BytesIO()
    pixel = Image.new("L" if data[25] == 0 else "RGB", (1, 1))
    options: dict[str, Any] = {"dpi": carried.resolution, "pnginfo": _texts(carried)}
    options |= {"exif": MARK + carried.exif} if carried.exif else {}
    options |= {"icc_profile": carried.profile} if carried.profile else {}
    pixel.save(file, "PNG", **options)
    small = file.getvalue()
    behind_header = 8 + 12 + 13
    return data[:behind_header] + small[behind_header : small.index(b"IDAT") - 4] + data[behind_header:]


def _heic(pages: Sequence[_Pixels], settings: Settings, carried: Carried) -> bytes:
    made: Any = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for pixels in pages:
        mode = "L" if pixels.ndim == 2 else ("BGR" if pixels.shape[2] == 3 else "BGRA")
        size = (pixels.shape[1], pixels.shape[0])
        deep = ";16" if pixels.dtype == np.uint16 else ""
        made.add_frombytes(mode + deep, size, np.ascontiguousarray(pixels).tobytes())
    options: dict[str, Any] = {"exif": MARK + carried.exif if carried.exif else None, "xmp": carried.xmp or None}
    if carried.profile:
        options |= {"icc_profile": carried.profile, "icc_profile_type": "prof"}
    names = ("color_primaries", "transfer_characteristics", "matrix_coefficients", "full_range_flag")
    file = BytesIO()
    primaries, transfer, matrix, _ = carried.nclx or SRGB
    numbers = (primaries, transfer, matrix or SRGB[2], 1)  # a matrix of 0, as a PNG has, is that of RGB itself
    colours = zip(names, numbers, strict=True)
    made.save(file, quality=settings.quality, chroma=int(settings.chroma), enc_params=_X265, **options, **dict(colours))
    return file.getvalue()


def _unstorable(pages: Sequence[_Pixels], name: str, reason: str) -> BrokenImage:
    height, width = pages[0].shape[:2]
    return BrokenImage(f"comes out at {width}x{height} pixels, which cannot be stored as {name} ({reason})")
