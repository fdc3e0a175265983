"""Pictures out of their files' bytes: with OpenCV, HEIC with libheif, and with FFmpeg a JPEG whose end is missing.

Pillow decodes what OpenCV changes: TIFF with unassociated transparency, which OpenCV gives multiplied in, grey TIFF
with transparency, which OpenCV leaves out, CIELab, of which OpenCV makes yellow what is white, compressions that OpenCV
does not know, and PNM whose white is not 255.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    ImageCms,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from moviola.filters.toolbox.opencv import cv2, is_out_of_memory
from moviola.media.images import tags
from moviola.media.images.formats import BrokenImage
from moviola.media.images.header import MAX_PAGES, Header
from moviola.media.images.orientation import upright
from moviola.media.images.planar import planes_of, row_of
from moviola.media.images.readers import open_heif
from moviola.media.images.tags import BadDirectory

CUT_SHORT: Final = "is cut short: what is missing was filled up"
CLIPPED: Final = "floating-point samples were taken for 0 (black) to 1 (white), the rest cut off; 16 bits come out"

_Pixels = NDArray[Any]


@dataclass(slots=True)
class Page:
    """One picture, upright. `colour` is height × width (grey) or × 3 (BGR), `alpha` height × width or None where
    nothing is transparent; both uint8 or uint16. `duration_ms` is that of an animation's frame."""

    colour: _Pixels
    alpha: _Pixels | None = None
    duration_ms: int = 0


@dataclass(slots=True)
class Decoded:
    """The pages of a picture's file, one after the other; what to say of it, and what is wrong with it, once they have
    been read. `loop_count` is how often an animation plays, 0 for ever."""

    pages: Iterator[Page]
    remark: str = ""
    damage: str = ""
    loop_count: int = 0


def decode(data: bytes | memoryview, header: Header) -> Decoded:
    """Return the pictures in a file whose header is known. Raise BrokenImage, also while pages are read."""
    _hush()
    decoded = Decoded(iter(()))
    decoded.pages = _pages(np.frombuffer(data, np.uint8), header, decoded)
    return decoded


@cache
def _hush() -> None:
    """Have OpenCV print nothing about broken pictures: BrokenImage tells the same, with the picture's name."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _pages(data: _Pixels, header: Header, decoded: Decoded) -> Iterator[Page]:
    for pixels, duration in _arrays(data, header, decoded):
        if pixels.dtype.kind == "f":
            pixels = np.rint(np.nan_to_num(pixels).clip(0, 1) * 65535).astype(np.uint16)
            decoded.remark = CLIPPED
        if pixels.dtype not in (np.uint8, np.uint16):
            raise BrokenImage(f"has samples of the type {pixels.dtype}; 8 or 16 bits, or floating point, can be read")
        page = _page(upright(pixels, header.orientation), header)
        page.duration_ms = duration
        yield page


def _page(pixels: _Pixels, header: Header) -> Page:
    if header.is_grey and pixels.shape[2:] in ((3,), (4,)):
        pixels = pixels[..., [0, 3][: pixels.shape[2] - 2]]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if header.clear is not None and pixels.ndim == 2:  # of colours OpenCV tells it itself
        pixels = np.dstack((pixels, np.where(pixels == header.clear, 0, np.iinfo(pixels.dtype).max))).astype(
            pixels.dtype
        )
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return Page(np.ascontiguousarray(pixels))
    alpha = np.ascontiguousarray(pixels[..., -1])
    colour = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
    peak = np.iinfo(alpha.dtype).max
    if bool((alpha == peak).all()):
        return Page(np.ascontiguousarray(colour))
    if header.is_premultiplied:
        share = np.maximum(alpha, 1) / peak
        colour = np.rint(colour / (share if colour.ndim == 2 else share[..., None])).clip(0, peak).astype(pixels.dtype)
    return Page(np.ascontiguousarray(colour), alpha)


def _arrays(data: _Pixels, header: Header, decoded: Decoded) -> Iterator[tuple[_Pixels, int]]:
    """Yield samples as the decoder gives them, and a frame's duration in ms: the pages of a TIFF one by one, the
    frames of an animation at once."""
    if header.format == "tiff":
        yield from ((_tiff_page(data, header, index), 0) for index in header.pages)
    elif header.format == "heic":
        yield from ((pixels, 0) for pixels in _heic(data))
    elif header.is_moving:
        yield from _animation(data, header, decoded)
    elif header.format == "pnm":
        yield _pnm(data, header), 0
    else:
        yield _deepened(_one(data, _flags(header), header, decoded), header), 0


def _flags(header: Header) -> int:
    # As OpenCV's "unchanged" gives of CMYK the ink's amounts with some kinds of TIFF, and of a palette of two
    # colours how bright they are, colours are asked for there.
    return (
        cv2.IMREAD_COLOR if header.format == "tiff" and (header.is_cmyk or header.two_colours) else cv2.IMREAD_UNCHANGED
    )


def _deepened(pixels: _Pixels, header: Header) -> _Pixels:
    """Return samples of which white is 65535: AVIF has 10 or 12 bits, and PNM any number."""
    if pixels.dtype != np.uint16 or header.bits == 16:
        return pixels
    return _scaled(pixels, (1 << header.bits) - 1)


def _scaled(pixels: _Pixels, peak: int) -> _Pixels:
    return ((pixels.astype(np.uint32) * 65535 + peak // 2) // peak).clip(0, 65535).astype(np.uint16)


def _one(data: _Pixels, flags: int, header: Header, decoded: Decoded) -> _Pixels:
    try:
        pixels: _Pixels | None = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise _broken(error) from None
    if pixels is None and header.format == "jpg":
        pixels = _with_ffmpeg(data, header)
        decoded.damage = CUT_SHORT
    if pixels is None and header.format == "avif":
        pixels = _avif_by_ffmpeg(data, header)
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


def _animation(data: _Pixels, header: Header, decoded: Decoded) -> Iterator[tuple[_Pixels, int]]:
    try:
        found, moving = cv2.imdecodeanimation(data.reshape(1, -1), 0, MAX_PAGES)
    except (cv2.error, IndexError) as error:
        raise _broken(error) from None
    if not found or not moving.frames:
        raise _broken()
    decoded.loop_count = int(moving.loop_count)
    told = _durations_ms(data.tobytes(), header)
    durations = told if len(told) == len(moving.frames) else [int(each) for each in moving.durations]
    yield from zip((_deepened(each, header) for each in moving.frames), durations, strict=True)


def _durations_ms(data: bytes, header: Header) -> list[int]:
    """Return how long each frame of an animation is shown, as Pillow tells it: OpenCV makes up what a GIF does not say,
    and cuts an AVIF's fractions off, which add up. Empty where Pillow cannot go through it."""
    starts, durations = list[int](), list[int]()
    try:
        with tags.quiet():
            image = _MOVING[header.format](BytesIO(data))
            for number in range(image.n_frames):
                image.seek(number)
                if header.format in ("webp", "avif"):
                    image.load()
                starts.append(int(image.info.get("timestamp", 0)))
                durations.append(round(image.info.get("duration") or 0))
            if header.format == "avif":
                durations = [end - start for start, end in pairwise((*starts, starts[-1] + durations[-1]))]
            return durations[1:] if getattr(image, "default_image", False) else durations
    except (BadDirectory, EOFError):
        return []


_MOVING: Final[dict[str, Any]] = {
    "gif": GifImagePlugin.GifImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "png": PngImagePlugin.PngImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}


def _tiff_page(data: _Pixels, header: Header, index: int) -> _Pixels:
    if index in header.planar:
        return _interleaved(data.tobytes(), index, header.has_alpha)
    if index in header.mixed:
        return _side_by_side(data.tobytes(), index, header.has_alpha)
    if (header.has_alpha or header.by_pillow) and (pixels := _by_pillow(data, index, header)) is not None:
        return pixels
    return _many(data, _flags(header), index, index + 1)[0]


def _by_pillow(data: _Pixels, index: int, header: Header) -> _Pixels | None:
    """Return a page as it is stored, CIELab as BGR; None where Pillow would change it, or cannot decode it.

    Pillow divides associated transparency out of colours, not out of grey; OpenCV out of neither.
    """
    modes = {"LA", "La"} | (set() if header.is_premultiplied else {"RGBA"})
    modes |= {"L", "RGB", "LAB"} if header.by_pillow else set()
    try:
        with tags.quiet():
            image = TiffImagePlugin.TiffImageFile(BytesIO(data.tobytes()))
            image.seek(index)
            if image.mode not in modes or max(image.tag_v2[258]) > 8:
                return None
            pixels = np.asarray(image if image.mode != "LAB" else ImageCms.applyTransform(image, _lab_to_srgb()))
    except BadDirectory:
        return None
    turned = upright(pixels, int(image.tag_v2.get(274, 1)))
    return turned if image.mode[0] == "L" and image.mode != "LAB" else turned[..., [2, 1, 0, 3][: turned.shape[2]]]


@cache
def _lab_to_srgb() -> Any:
    spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(*spaces, "LAB", "RGB")


def _interleaved(data: bytes, page: int, has_alpha: bool) -> _Pixels:
    try:
        files = list(planes_of(data, page))
    except BadDirectory:
        raise _broken() from None
    planes = [_many(np.frombuffer(each, np.uint8), cv2.IMREAD_UNCHANGED, 0, 1)[0] for each in files]
    if len(planes) > 2:
        return np.dstack((*planes[2::-1], *planes[3:]))
    return np.dstack(planes) if has_alpha else planes[0]


def _side_by_side(data: bytes, page: int, has_alpha: bool) -> _Pixels:
    """Return grey, with the sample beside it where that is transparency."""
    try:
        row = row_of(data, page)
    except BadDirectory:
        raise _broken() from None
    wide = _many(np.frombuffer(row.file, np.uint8), cv2.IMREAD_UNCHANGED, 0, 1)[0]
    pixels = wide.reshape(wide.shape[0], -1, row.samples)
    for start in range(0, pixels.shape[1], row.run) if row.run else ():
        run = pixels[:, start : start + row.run]
        np.cumsum(run, axis=1, dtype=pixels.dtype, out=run)
    turned = upright(pixels, row.orientation)
    return turned[..., :2] if has_alpha else turned[..., 0]


def _pnm(data: _Pixels, header: Header) -> _Pixels:
    """Return the samples of a PNM: by OpenCV where they have more than 8 bits, of which Pillow makes 8, else by
    Pillow."""
    try:
        with tags.quiet():
            image = PpmImagePlugin.PpmImageFile(BytesIO(data.tobytes()))
            if header.bits > 8:
                arguments = image.tile[0].args
                pixels = _one(data, cv2.IMREAD_UNCHANGED, header, Decoded(iter(())))
                return _scaled(pixels, int(arguments[1]) if isinstance(arguments, tuple) else 65535)
            pixels = np.asarray(image.convert("L") if image.mode == "1" else image)
    except BadDirectory:
        raise _broken() from None
    return pixels if pixels.ndim == 2 else pixels[..., ::-1]


def _heic(data: _Pixels) -> Iterator[_Pixels]:
    """Yield the samples of each picture of a HEIC file, with 8 bits, or 16 where the file has more than 8."""
    try:
        for image in open_heif(data.tobytes()):
            pixels = np.asarray(image)
            yield pixels if pixels.ndim == 3 else pixels.reshape(image.size[1], image.size[0], -1)
    except (OSError, ValueError, RuntimeError, EOFError, SyntaxError) as error:  # the last is "unsupported feature"
        raise _broken() from error


def _with_ffmpeg(data: _Pixels, header: Header) -> _Pixels | None:
    """Return what there is of a JPEG; None where there is nothing, or it is not of the size that its header
    promised."""
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


def _avif_by_ffmpeg(data: _Pixels, header: Header) -> _Pixels | None:
    """Return an AVIF that OpenCV refuses; None where it has transparency, or cannot be decoded."""
    try:
        with av.open(BytesIO(data.tobytes()), "r") as container:
            frame = next(container.decode(video=0))
            if header.has_alpha or (frame.width, frame.height) != (header.width, header.height):
                return None
            if header.bits == 8:
                return frame.to_ndarray(format="bgr24")
            deep: NDArray[np.uint16] = frame.to_ndarray(format="bgr48le").astype(np.uint16)
            return deep >> (16 - header.bits)
    except (av.FFmpegError, ValueError, IndexError, StopIteration):
        return None


def _broken(error: Exception | None = None) -> BrokenImage:
    """Return what to raise; raise MemoryError where that is the reason, and not the picture."""
    if error is not None and is_out_of_memory(error):
        raise MemoryError(str(error)) from error
    reason = getattr(error, "err", "") if error else ""
    return BrokenImage("is broken: it cannot be decoded" + (f" ({reason})" if reason else ""))
