"""Pictures out of their files' bytes: with OpenCV, and with FFmpeg a JPEG whose end is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from moviola.filters.toolbox.opencv import cv2, is_out_of_memory
from moviola.media.images.formats import BrokenImage
from moviola.media.images.header import MAX_PAGES, Header
from moviola.media.images.ifd import BadDirectory
from moviola.media.images.orientation import upright
from moviola.media.images.planar import planes_of

CUT_SHORT: Final = "is cut short: what is missing was filled up"
CLIPPED: Final = "floating-point samples were taken for 0 (black) to 1 (white), the rest cut off; 16 bits come out"

_Pixels = NDArray[Any]


@dataclass(slots=True)
class Page:
    """One picture, upright. `colour` is height × width (grey) or × 3 (BGR), `alpha` height × width or None where
    nothing is transparent; both uint8 or uint16."""

    colour: _Pixels
    alpha: _Pixels | None = None


@dataclass(slots=True)
class Decoded:
    """The pages of a picture's file, one after the other; what to say of it, and what is wrong with it, once they have
    been read."""

    pages: Iterator[Page]
    remark: str = ""
    damage: str = ""


def decode(data: bytes | memoryview, header: Header) -> Decoded:
    """The pictures in a file whose header is known. Raises BrokenImage, also while pages are read."""
    _hush()
    decoded = Decoded(iter(()))
    decoded.pages = _pages(np.frombuffer(data, np.uint8), header, decoded)
    return decoded


@cache
def _hush() -> None:
    """What OpenCV tells the terminal of a broken picture, BrokenImage tells by name."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _pages(data: _Pixels, header: Header, decoded: Decoded) -> Iterator[Page]:
    for index, pixels in _arrays(data, header, decoded):
        if pixels.dtype.kind == "f":
            pixels = np.rint(np.nan_to_num(pixels).clip(0, 1) * 65535).astype(np.uint16)
            decoded.remark = CLIPPED
        if pixels.dtype not in (np.uint8, np.uint16):
            raise BrokenImage(f"has samples of the type {pixels.dtype}; 8 or 16 bits, or floating point, can be read")
        is_premultiplied = header.is_premultiplied and index not in header.planar
        yield _page(upright(pixels, header.orientation), is_premultiplied)


def _page(pixels: _Pixels, is_premultiplied: bool) -> Page:
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return Page(np.ascontiguousarray(pixels))
    alpha = np.ascontiguousarray(pixels[..., 3])
    peak = np.iinfo(alpha.dtype).max
    if bool((alpha == peak).all()):
        return Page(np.ascontiguousarray(pixels[..., :3]))
    if is_premultiplied:
        share = np.maximum(alpha, 1)[..., None] / peak
        return Page(np.rint(pixels[..., :3] / share).clip(0, peak).astype(pixels.dtype), alpha)
    return Page(np.ascontiguousarray(pixels[..., :3]), alpha)


def _arrays(data: _Pixels, header: Header, decoded: Decoded) -> Iterator[tuple[int, _Pixels]]:
    """Index and samples, as the decoder gives them; the pages of a TIFF one by one, the frames of an animation at
    once."""
    # As OpenCV's "unchanged" gives of CMYK the ink's amounts with some kinds of TIFF, colours are asked for there.
    flags = cv2.IMREAD_COLOR if header.is_cmyk else cv2.IMREAD_UNCHANGED
    if header.format == "tiff":
        for index in header.pages:
            if index in header.planar:
                yield index, _interleaved(data.tobytes(), index)
            else:
                yield index, _many(data, flags, index, index + 1)[0]
    elif len(header.pages) > 1:
        yield from enumerate(_many(data, flags, 0, MAX_PAGES))
    else:
        yield 0, _one(data, flags, header, decoded)


def _one(data: _Pixels, flags: int, header: Header, decoded: Decoded) -> _Pixels:
    try:
        pixels: _Pixels | None = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise _broken(error) from None
    if pixels is None and header.format == "jpg":
        pixels = _with_ffmpeg(data, header)
        decoded.damage = CUT_SHORT
    if pixels is None:
        raise _broken()
    return pixels


def _many(data: _Pixels, flags: int, start: int, stop: int) -> list[_Pixels]:
    try:
        found, pages = cv2.imdecodemulti(data, flags, range=(start, stop))
    except cv2.error as error:
        raise _broken(error) from None
    if not found or not len(pages):
        raise _broken()
    return list(pages)


def _interleaved(data: bytes, page: int) -> _Pixels:
    try:
        files = list(planes_of(data, page))
    except BadDirectory:
        raise _broken() from None
    planes = [_many(np.frombuffer(each, np.uint8), cv2.IMREAD_UNCHANGED, 0, 1)[0] for each in files]
    return np.dstack((*planes[2::-1], *planes[3:])) if len(planes) > 2 else planes[0]


def _with_ffmpeg(data: _Pixels, header: Header) -> _Pixels | None:
    """What there is of a JPEG; None where there is nothing, or it is not of the size that its header promised."""
    try:
        frames = av.VideoCodecContext.create("mjpeg", "r").decode(av.Packet(data.tobytes()))
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        return None
    if not frames or (frames[0].width, frames[0].height) != (header.width, header.height):
        return None
    is_grey = frames[0].format.name.startswith("gray")
    return frames[0].to_ndarray(format="gray" if is_grey else "bgr24")


def _broken(error: Exception | None = None) -> BrokenImage:
    """Return what to raise; raise MemoryError where that is the reason, and not the picture."""
    if error is not None and is_out_of_memory(error):
        raise MemoryError(str(error)) from error
    reason = getattr(error, "err", "") if error else ""
    return BrokenImage("is broken: it cannot be decoded" + (f" ({reason})" if reason else ""))
