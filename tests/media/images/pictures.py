"""Pictures for tests: small, with something to see in every corner, in files that are built here byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

Tags = Mapping[int, tuple[int, int, bytes]]
"""By tag: TIFF's field type, how many values, their bytes (little-endian)."""


def corners(width: int = 48, height: int = 32) -> Pixels:
    """A gradient with another colour in each quarter, so that every turn and mirror shows; BGR."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=2)
    pixels[: height // 2, : width // 2] = (200, 30, 30)
    pixels[height // 2 :, width // 2 :] = (30, 200, 30)
    return pixels.astype(np.uint8)


def encoded(pixels: Pixels, suffix: str = ".png", *options: int) -> bytes:
    """A file's bytes, by OpenCV; a HEIC by pillow-heif, whose `options` are its quality."""
    if suffix == ".heic":
        return heic([pixels], *options)
    made, data = cv2.imencode(suffix, pixels, options)
    assert made
    return data.tobytes()


def heic(pages: Sequence[Pixels], quality: int = 100, **options: Any) -> bytes:
    """A HEIC of grey, BGR or BGRA pages of 8 bits, or of more where they are uint16, by pillow-heif."""
    made: Any = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for pixels in pages:
        mode = "L" if pixels.ndim == 2 else ("BGR", "BGRA")[pixels.shape[2] == 4]
        mode += ";16" if pixels.dtype == np.uint16 else ""
        made.add_frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    file = BytesIO()
    made.save(file, quality=quality, chroma=444, enc_params={"preset": "ultrafast"}, **options)
    return file.getvalue()


def decoded(data: bytes | Path) -> Pixels:
    """The first picture of a file as it is stored, by OpenCV; of a HEIC by pillow-heif, of a TIFF of grey and
    transparency by tifffile."""
    whole = data if isinstance(data, bytes) else data.read_bytes()
    if whole[4:12] == b"ftypheic" or whole[4:12] == b"ftypheix":
        found = np.asarray(pillow_heif.open_heif(whole, convert_hdr_to_8bit=False, bgr_mode=True))
        return found
    if whole[:2] in (b"II", b"MM"):
        with tifffile.TiffFile(BytesIO(whole)) as file:
            if file.pages.first.shape[2:] == (2,):
                both: Pixels = file.pages.first.asarray()
                return both
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), -1)
    assert pixels is not None
    if whole[:2] in (b"II", b"MM") and pixels.shape[2:] == (4,) and pixels.dtype == np.uint8:
        return np.asarray(Image.open(BytesIO(whole)))[..., [2, 1, 0, 3]]  # OpenCV multiplies the transparency in
    return pixels


def short(*values: int) -> tuple[int, int, bytes]:
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def long(*values: int) -> tuple[int, int, bytes]:
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)


def rational(*values: int) -> tuple[int, int, bytes]:
    """Fractions, the numbers above and below one after the other."""
    return 5, len(values) // 2, struct.pack(f"<{len(values)}I", *values)


def text(value: str) -> tuple[int, int, bytes]:
    return 2, len(value) + 1, value.encode() + b"\0"


def directory(tags: Tags, offset: int, following: int = 0) -> bytes:
    """A little-endian directory that lies at `offset`, its values behind it."""
    head, body = struct.pack("<H", len(tags)), b""
    for tag, (kind, count, data) in sorted(tags.items()):
        head += struct.pack("<HHI", tag, kind, count)
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack("<I", offset + 2 + 12 * len(tags) + 4 + len(body))
            body += data + b"\0" * (len(data) % 2)
    return head + struct.pack("<I", following) + body


def exif(tags: Tags, camera: Tags | None = None) -> bytes:
    """An EXIF block without its mark."""
    if camera is not None:
        size = len(directory({**tags, 34665: long(0)}, 8))
        tags = {**tags, 34665: long(8 + size)}
        return b"II*\0\x08\0\0\0" + directory(tags, 8) + directory(camera, 8 + size)
    return b"II*\0\x08\0\0\0" + directory(tags, 8)


def with_exif(jpg: bytes, block: bytes) -> bytes:
    """A JPEG with an EXIF segment."""
    body = b"Exif\0\0" + block
    return jpg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpg[2:]


def tiff(pages: Sequence[Pixels], extra: Tags | None = None, *, planar: bool = False) -> bytes:
    """An uncompressed TIFF of RGB or grey pages, 8 or 16 bits or floating point, each with the tags `extra` as well.

    `planar`: the colours lie in planes of their own. Grey pages do not say how many samples a pixel has: one is the
    default."""
    data = b"II*\0"
    places = []
    offset = 8
    for pixels in pages:
        ordered = pixels if pixels.ndim == 2 else pixels[..., ::-1]
        flat = np.ascontiguousarray(ordered.transpose(2, 0, 1) if planar and pixels.ndim == 3 else ordered).tobytes()
        places.append((offset, flat))
        offset += len(flat) + len(flat) % 2
    blocks = b""
    start = offset
    for number, (pixels, (place, flat)) in enumerate(zip(pages, places, strict=True)):
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        sample = 3 if pixels.dtype.kind == "f" else 1
        tags: dict[int, tuple[int, int, bytes]] = {
            256: long(pixels.shape[1]), 257: long(pixels.shape[0]), 258: short(*[8 * pixels.itemsize] * channels),
            259: short(1), 262: short(1 if channels == 1 else 2), 273: long(place),
            278: long(pixels.shape[0]), 279: long(len(flat)), 339: short(*[sample] * channels),
            **({277: short(channels)} if channels > 1 else {}),
            **(_planes(place, len(flat), channels) if planar and channels > 1 else {}), **(extra or {}),
        }  # fmt: skip
        at = start + len(blocks)
        length = len(directory(tags, at))
        blocks += directory(tags, at, 0 if number == len(pages) - 1 else at + length)
    body = b"".join(flat + b"\0" * (len(flat) % 2) for _, flat in places)
    return data + struct.pack("<I", start) + body + blocks


def _planes(place: int, size: int, count: int) -> Tags:
    each = size // count
    return {273: long(*range(place, place + size, each)), 279: long(*[each] * count), 284: short(2)}


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes whose header promises so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b""))
        + png_chunk(b"IEND", b"")
    )


def animation(suffix: str, frames: Sequence[Pixels]) -> bytes:
    """A GIF, WebP or PNG that moves."""
    moving = cv2.Animation()
    moving.frames = list(frames)
    moving.durations = np.array([100] * len(frames))  # type: ignore[assignment]
    made, data = cv2.imencodeanimation(suffix, moving)
    assert made
    return data.tobytes()


def deep_animation(suffix: str, frames: Sequence[Pixels]) -> bytes:
    """An AVIF that moves, of 10 bits, or a PNG of 16, of frames of 16."""
    if suffix == ".avif":
        moving = cv2.Animation()
        moving.frames = [each // 64 for each in frames]
        moving.durations = np.array([100] * len(frames))  # type: ignore[assignment]
        made, file = cv2.imencodeanimation(suffix, moving, (cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 100))
        assert made
        return file.tobytes()
    stills = [encoded(each) for each in frames]
    data, count = stills[0][:33] + png_chunk(b"acTL", struct.pack(">II", len(frames), 0)), 0
    for still, pixels in zip(stills, frames, strict=True):
        head = struct.pack(">IIIIIHHBB", count, pixels.shape[1], pixels.shape[0], 0, 0, 100, 1000, 0, 0)
        body = b"".join(png_bodies(still, b"IDAT"))
        data += png_chunk(b"fcTL", head)
        data += png_chunk(b"fdAT", struct.pack(">I", count + 1) + body) if count else png_chunk(b"IDAT", body)
        count += 2 if count else 1
    return data + png_chunk(b"IEND", b"")


def png_bodies(data: bytes, kind: bytes) -> Iterator[bytes]:
    """What is in the chunks of a kind of a PNG."""
    at = 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == kind:
            yield data[at + 8 : at + 8 + size]
        at += 12 + size


PROFILE = bytes(16) + b"RGB " + bytes(180)
"""What looks like a colour profile for pictures of three channels, as far as anyone looks here."""
