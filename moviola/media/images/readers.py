"""What a picture's file says of itself before it is decoded: size, pages, which way is up, what it carries.

Read by the client, which decodes nothing, and again by the worker, which trusts nobody. Pillow and pillow-heif read
files as far as their headers go. What they do not tell is read here: whether a WebP is without loss, chunks of a PNG
behind its pixels; a TIFF in `tiff_header`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import DecompressionBombError

from moviola.media.images import tags
from moviola.media.images.carried import Carried, Collector, LeftOut
from moviola.media.images.colours import COLOUR_CHUNKS, colours_of_png
from moviola.media.images.formats import MAX_FILE_SIZE, BrokenImage, format_of
from moviola.media.images.header import MAX_PAGES, MAX_PIXELS, Header, too_large
from moviola.media.images.tags import BadDirectory
from moviola.media.images.tiff_header import tiff_header

if TYPE_CHECKING:
    from pillow_heif import HeifFile

MAX_CHUNKS: Final = 200_000
"""Of a PNG: those with pixels have 8 KiB or more each, and a file has 128 MiB."""

_CHROMA: Final = {0: "444", 1: "422"}  # as Pillow numbers how a JPEG's colours are sampled


def read_header(data: bytes | memoryview) -> Header:
    """Return the header of a picture's file. Raise BrokenImage, also for what is beyond a limit."""
    if len(data) > MAX_FILE_SIZE:
        raise BrokenImage(too_large(len(data)))
    name = format_of(data)
    try:
        with tags.quiet():
            found = _READERS[name](bytes(data))
    except (BadDirectory, EOFError, RuntimeError, StopIteration) as error:
        reason = f" ({error!s:.80})" if str(error) else ""
        raise BrokenImage(f"is broken, or of a sort that is not known: its header cannot be read{reason}") from None
    except DecompressionBombError:
        raise BrokenImage(
            f"has far more than the limit of {MAX_PIXELS / 1e6:.0f} million pixels by its header"
        ) from None
    if not found.pages:
        raise BrokenImage("is broken: there is no picture in it")
    if found.width < 1 or found.height < 1:
        raise BrokenImage("is broken: its header tells no size")
    if len(found.pages) > MAX_PAGES:
        raise BrokenImage(f"has more pages or frames than the limit of {MAX_PAGES}")
    if found.pixel_count > MAX_PIXELS:
        raise BrokenImage(
            f"has {found.pixel_count / 1e6:.0f} million pixels by its header; the limit is {MAX_PIXELS / 1e6:.0f} "
            "million"
        )
    return found


def is_animation(path: Path) -> bool:
    """Whether a file is an animation that can be read."""
    try:
        return path.stat().st_size <= MAX_FILE_SIZE and read_header(path.read_bytes()).is_moving
    except (BrokenImage, OSError):
        return False


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG file of which Pillow does not read the EXIF when it is opened: moviola/media/images/tags.py does, and
    bounds what that takes."""

    def _read_dpi_from_exif(self) -> None:
        return


class _Gif(GifImagePlugin.GifImageFile):
    """A GIF file of which Pillow counts the frames, but no more than MAX_PAGES and one."""

    def _seek(self, frame: int, update_image: bool = True) -> None:
        if frame > MAX_PAGES:
            raise EOFError
        super()._seek(frame, update_image)


def _jpg(data: bytes) -> Header:
    image = _Jpeg(BytesIO(data))
    found = Collector()
    exif = image.info.get("exif", b"")
    found.thumbnail(exif)
    if "mp" in image.info:
        found.left_out.append(LeftOut.FURTHER_PICTURES)
    blocks = image.info.get("photoshop", {})
    if set(blocks) - {0x03ED, 0x0404}:  # the resolution, which stands elsewhere too, and IPTC
        found.left_out.append(LeftOut.BLOCKS)
    info = {**image.info, "iptc": blocks.get(0x0404, b"")}
    carried = found.carried(info, exif, 1 if image.layers == 1 else 3)
    chroma = _CHROMA.get(JpegImagePlugin.get_sampling(image), "444" if image.layers == 1 else "420")
    return _header("jpg", image.size, found, carried, exif, is_lossless=False, chroma=chroma, is_cmyk=image.layers == 4)


def _png(data: bytes) -> Header:
    """Return the header of a PNG. Its chunks are gone through here, because Pillow's own reader stops at the first
    pixels, and what a picture carries may stand behind them."""
    file = BytesIO(data)
    stream = PngImagePlugin.PngStream(file)
    found, colours = Collector(), dict[bytes, bytes]()
    file.seek(8)
    for _ in range(MAX_CHUNKS):
        if file.tell() + 8 > len(data):
            break
        name, start, size = stream.read()
        if name == b"IEND":
            break
        if name in _PNG_CHUNKS:
            _call(stream, found, name, start, size)
        if name in COLOUR_CHUNKS:
            colours[name] = data[start : start + size]
        file.seek(start + size + 4)
    else:
        raise BadDirectory(f"more than {MAX_CHUNKS} chunks")
    info, texts = stream.im_info, stream.im_text
    exif = info.get("exif", b"")
    found.thumbnail(exif)
    if any(key.startswith("Raw profile type") for key in texts):
        found.left_out.append(LeftOut.BLOCKS)
    told = {key: text for key, text in texts.items() if not key.startswith(("Raw profile type", "XML:"))}
    comment = told.pop("Comment", "").encode()
    is_grey = data[25] in (0, 4)
    carried = found.carried({**info, "comment": comment}, exif, 1 if is_grey else 3, tuple(told.items()))
    nclx, chunks = colours_of_png(colours)
    pages = stream.im_n_frames or 1
    if not stream.im_mode:
        raise BadDirectory("no header")
    return _header(
        "png", stream.im_size, found, replace(carried, nclx=nclx, chunks=chunks), exif, pages,
        has_alpha=data[25] in (4, 6) or "transparency" in info, is_grey=is_grey, bits=max(8, data[24]),
        clear=_clear_grey(info["transparency"], data[24]) if data[25] == 0 and "transparency" in info else None,
    )  # fmt: skip


def _clear_grey(told: Any, bits: int) -> int | None:
    """Return the grey that a PNG of so many bits a sample calls transparent, as decoders give it: of 8 bits or more."""
    if not isinstance(told, int):
        return None
    return told * (255 // ((1 << bits) - 1)) if bits in (2, 4) else told  # Pillow makes 0 and 255 of 1 bit itself


_PNG_CHUNKS: Final = frozenset((b"IHDR", b"tRNS", b"iCCP", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL"))


def _call(stream: PngImagePlugin.PngStream, found: Collector, name: bytes, start: int, size: int) -> None:
    """Have Pillow read a chunk of a PNG; a broken one that is not needed does no harm."""
    try:
        stream.call(name, start, size)
    except (OSError, SyntaxError, ValueError, LookupError, struct.error):
        if name == b"IHDR":
            raise
        found.left_out.append(LeftOut.BLOCKS)


def _webp(data: bytes) -> Header:
    image = WebPImagePlugin.WebPImageFile(BytesIO(data))
    found = Collector()
    exif = image.info.get("exif", b"")
    found.thumbnail(exif)
    carried = found.carried(image.info, exif, 3)
    return _header(
        "webp", image.size, found, carried, exif, image.n_frames,
        has_alpha=image.mode == "RGBA", is_lossless=b"VP8 " not in _riff_chunks(data), chroma="420",
    )  # fmt: skip


def _riff_chunks(data: bytes) -> frozenset[bytes]:
    """Return the names of the chunks of a WebP file, those of its frames included."""
    names, at = set[bytes](), 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        names.add(name)
        at += 8 + (16 if name == b"ANMF" else size + size % 2)  # a frame's own chunks stand behind 16 bytes of it
    return frozenset(names)


def _gif(data: bytes) -> Header:
    image = _Gif(BytesIO(data))
    count = image.n_frames
    found = Collector()
    carried = found.carried(image.info, b"", 3)
    return _header("gif", image.size, found, carried, b"", count, has_alpha=True)


def _bmp(data: bytes) -> Header:
    image = BmpImagePlugin.BmpImageFile(BytesIO(data))
    found = Collector()
    return _header("bmp", image.size, found, found.carried(image.info, b"", 3), b"", has_alpha=image.mode == "RGBA")


def _pnm(data: bytes) -> Header:
    image = PpmImagePlugin.PpmImageFile(BytesIO(data))
    arguments = image.tile[0].args
    peak = int(arguments[1]) if isinstance(arguments, tuple) else 65535 if arguments == "I;16B" else 255
    return _header("pnm", image.size, Collector(), Carried(), b"", bits=max(8, peak.bit_length()))


def _heic(data: bytes) -> Header:
    """Return the header of a HEIC; its orientation is 1, as the decoder turns pictures upright."""
    file = open_heif(data)
    first = file[file.primary_index]
    found = Collector()
    carried = _of_heif(found, first.info)
    pages = tuple(range(len(file)))
    return Header(
        "heic", *first.size, sum(each.size[0] * each.size[1] for each in file), pages,
        carried=carried, left_out=tuple(dict.fromkeys(found.left_out)), has_alpha=first.has_alpha,
        bits=_whole(first.info["bit_depth"]), is_lossless=False, is_premultiplied=first.premultiplied_alpha,
        chroma=str(first.info.get("chroma", 420)),
    )  # fmt: skip


def _avif(data: bytes) -> Header:
    """Return the header of an AVIF: Pillow tells frames and which way is up, libheif depth and colours of the same
    file."""
    image = AvifImagePlugin.AvifImageFile(BytesIO(data))
    try:
        info = open_heif(data).info
    except (OSError, ValueError, RuntimeError, EOFError, IndexError, SyntaxError):  # a sequence without a still picture
        info = {}
    found = Collector()
    exif = image.info.get("exif", b"")
    carried = _of_heif(found, {**info, **{key: image.info.get(key) for key in ("exif", "xmp", "icc_profile")}})
    return _header(
        "avif", image.size, found, carried, exif, image.n_frames, has_alpha=image.mode == "RGBA",
        bits=info.get("bit_depth", 8), is_lossless=False, chroma=str(info.get("chroma", 444)),
    )  # fmt: skip


def open_heif(data: bytes) -> HeifFile:
    """Return the container of a HEIC or AVIF picture, of which nothing is decoded."""
    return pillow_heif.open_heif(data, convert_hdr_to_8bit=False, bgr_mode=True)


def _of_heif(found: Collector, info: dict[str, Any]) -> Carried:
    if info.get("thumbnails"):
        found.left_out.append(LeftOut.THUMBNAIL)
    if info.get("depth_images"):
        found.left_out.append(LeftOut.DEPTH)
    if any("alpha" not in str(kind) for kind in info.get("aux", ())):
        found.left_out.append(LeftOut.FURTHER_PICTURES)
    exif = info.get("exif") or b""
    found.thumbnail(exif)
    nclx = info.get("nclx_profile")
    numbers = ("color_primaries", "transfer_characteristics", "matrix_coefficients", "full_range_flag")
    carried = found.carried(info, exif, 3)
    if not nclx:
        return carried
    primaries, transfer, matrix, is_full = (int(nclx[name]) for name in numbers)
    return replace(carried, nclx=(primaries, transfer, matrix, is_full))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _header(
    name: str, size: tuple[int, int], found: Collector, carried: Carried, exif: bytes, pages: int = 1, **more: Any
) -> Header:
    """Return a header; `pages` frames are an animation where there are several."""
    numbers = tuple(range(min(pages, MAX_PAGES + 1)))
    return Header(
        name, *size, size[0] * size[1] * len(numbers), numbers,
        is_moving=len(numbers) > 1, orientation=tags.orientation(exif), carried=carried,
        left_out=tuple(dict.fromkeys(found.left_out)), **more,
    )  # fmt: skip


_READERS: Final[dict[str, Callable[[bytes], Header]]] = {
    "jpg": _jpg, "png": _png, "webp": _webp, "gif": _gif, "bmp": _bmp, "tiff": tiff_header, "pnm": _pnm, "heic": _heic,
    "avif": _avif,
}  # fmt: skip
