"""What a picture is, by Pillow, tifffile and PyAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import md5
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import av
from PIL import Image, UnidentifiedImageError

SUFFIXES: Final = frozenset(
    {
        ".jpg", ".jpeg", ".png", ".apng", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".hif", ".heics",
        ".avif", ".avifs", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm",
    }
)  # fmt: skip
"""Names of files that are pictures, or animations of them."""

TIFFS: Final = (".tif", ".tiff")

WRITTEN_ANEW: Final = frozenset(
    {
        0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010A, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117, 0x011A, 0x011B, 0x011C,
        0x0128, 0x013D, 0x0142, 0x0143, 0x0144, 0x0145, 0x0140, 0x014A, 0x0152, 0x0153, 0x015B, 0x0201, 0x0202, 0x0211,
        0x0212, 0x0213, 0x0214, 0x02BC, 0x8649, 0x8769, 0x8773, 0x8825, 0xA005, 0x00FE, 0x00FF, 0x0107, 0x0118, 0x0119,
        0x0124, 0x0125, 0x014C, 0x0132, 0x83BB, 0x0154, 0x0155, 0x0129,
    }
)  # fmt: skip
"""Tags of EXIF and TIFF about how the file is laid out, or that are compared by themselves."""

UNREADABLE: Final = (OSError, ValueError, SyntaxError, KeyError, UnidentifiedImageError)
"""What Pillow and tifffile raise for a file that they cannot read."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What one picture is.

    Attributes:
        mode: Pillow's, such as `RGB`.
        size: width and height, in pixels.
        frames: pictures, or pages, in the file.
        dpi: horizontal and vertical, where it is told.
        bits: of a sample, and whether they are of a float.
        alpha: whether alpha is there, and for TIFF of which kind.
        exif: tags of the main and of the further directories, by name of the directory and number.
        icc: a digest of the colour profile.
        xmp: whether there is XMP, and how long.
        comment: text beside it.
        orientation: as EXIF counts it.
        durations: how long each frame of an animation lasts (milliseconds).
    """

    mode: str
    size: tuple[int, int]
    frames: int = 1
    dpi: tuple[float, float] | None = None
    bits: str = ""
    alpha: str = ""
    exif: dict[str, str] = field(default_factory=dict)
    icc: str = ""
    xmp: int = 0
    comment: str = ""
    orientation: int = 1
    durations: tuple[int, ...] = ()


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in SUFFIXES


def look(path: Path) -> Picture:
    """Return what Pillow, and for TIFF tifffile, say of a picture."""
    if path.suffix.lower() in TIFFS and not _can_open(path):
        return _with_tiff(path, Picture("", (0, 0)))
    _register()
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        info = image.info
        found = Picture(
            mode=_mode(image),
            size=image.size,
            frames=_frames(image),
            dpi=_dpi(info, exif),
            alpha="alpha" if _is_transparent(image) else "",
            exif=_exif(exif),
            icc=md5(info.get("icc_profile") or b"", usedforsecurity=False).hexdigest()
            if info.get("icc_profile")
            else "",
            xmp=len(info.get("xmp") or b"") or len(info.get("XML:com.adobe.xmp") or ""),
            comment=_text(info.get("comment")),
            orientation=int(exif.get(0x0112, 1) or 1),
            durations=_durations(path, image),
        )
    return _with_tiff(path, found) if path.suffix.lower() in TIFFS else found


def _can_open(path: Path) -> bool:
    """Whether Pillow reads a file; of TIFF it does not read all."""
    try:
        with Image.open(path) as image:
            image.load()
    except UNREADABLE:
        return False
    return True


def _register() -> None:
    import pillow_heif  # noqa: PLC0415 - only where it is needed

    pillow_heif.register_heif_opener()


def _frames(image: Image.Image) -> int:
    """Return how many pictures there are; a JPEG may promise further ones and not have them."""
    count = getattr(image, "n_frames", 1)
    if image.format != "MPO":
        return count
    for number in range(1, count):
        try:
            image.seek(number)
        except (EOFError, OSError, ValueError):
            image.seek(0)
            return number
    image.seek(0)
    return count


def _mode(image: Image.Image) -> str:
    """Return the model of the colours: a palette is a way to write them, and so is one bit."""
    if image.mode == "P" and not _is_transparent(image) and _is_grey(image):
        return "L"
    mode = {"P": "RGB", "PA": "RGBA", "1": "L"}.get(image.mode, image.mode)
    if mode == "RGB" and image.mode == "P" and _is_transparent(image):
        return "RGBA"
    return mode if mode not in ("RGBA", "LA") or _is_transparent(image) else mode[:-1]


def _is_grey(image: Image.Image) -> bool:
    palette = image.getpalette() or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is: an alpha that is opaque everywhere says nothing."""
    if "transparency" in image.info:
        return True
    return image.mode in ("RGBA", "LA", "PA") and image.getchannel("A").getextrema() != (255, 255)


def _dpi(info: dict[Any, Any], exif: Image.Exif) -> tuple[float, float] | None:
    """Return the resolution; Pillow takes 72 for that of a JPEG that does not tell it."""
    dpi = info.get("dpi")
    if "exif" in info and "jfif_density" not in info and 0x011A not in exif and dpi == (72, 72):
        return None
    return (float(dpi[0]), float(dpi[1])) if dpi and dpi[0] > 1 else None


def _exif(exif: Image.Exif) -> dict[str, str]:
    found = {f"0th {tag:#06x}": _text(value) for tag, value in exif.items() if tag not in WRITTEN_ANEW}
    for name, number in (("Exif", 0x8769), ("GPS", 0x8825)):
        found |= {f"{name} {tag:#06x}": _text(value) for tag, value in exif.get_ifd(number).items() if tag != 0xA005}
    found.pop("Exif 0xa002", None)  # width and height are those of the picture
    found.pop("Exif 0xa003", None)
    return {name: value for name, value in found.items() if value.strip("\0 ")}


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value) if value is not None else ""


def _durations(path: Path, image: Image.Image) -> tuple[int, ...]:
    if path.suffix.lower() in (".avif", ".avifs"):
        return _of_avif(path)  # Pillow rounds each of them up
    found = []
    for number in range(min(getattr(image, "n_frames", 1), 1000)):
        try:
            image.seek(number)
            image.load()  # AVIF tells it then
        except (EOFError, OSError, ValueError):
            break
        found.append(int(image.info.get("duration", 0) or 0))
    return tuple(found) if any(found) and len(found) > 1 else ()


def _of_avif(path: Path) -> tuple[int, ...]:
    """Return how long each frame lasts, so rounded that the times of all are right."""
    with av.open(str(path)) as file:
        stream = max(file.streams.video, key=lambda each: each.frames)
        if stream.frames < 2:
            return ()
        ends = [
            float((packet.pts + packet.duration) * packet.time_base)
            for packet in file.demux(stream)
            if packet.pts is not None and packet.duration is not None and packet.time_base is not None
        ]
    rounded = [0, *(round(end * 1000) for end in sorted(ends))]
    return tuple(after - before for before, after in pairwise(rounded))


def _orientation(page: Any) -> int:
    """Return it as the file has it: Pillow forgets it once it has turned the picture."""
    return int(page.tags[0x0112].value) if 0x0112 in page.tags else 1


def _with_tiff(path: Path, found: Picture) -> Picture:
    """Return the same with what Pillow does not tell of a TIFF."""
    import tifffile  # noqa: PLC0415 - only where it is needed

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        extra = [str(getattr(each, "name", each)) for each in page.extrasamples]
        kind = next((each for each in extra if "ALPHA" in each), "") if found.alpha or not found.mode else ""
        return Picture(
            found.mode, (page.imagewidth, page.imagelength), len(file.pages), found.dpi, str(page.dtype), kind,
            found.exif, found.icc,
            int(page.tags[700].count) if 700 in page.tags else 0, found.comment, _orientation(page), found.durations,
        )  # fmt: skip
