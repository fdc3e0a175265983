"""Outputs that are no video: pictures of a folder, records of a table, notes. Their bytes are compared by hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

from moviola.base.hashes import xxh3_of
from moviola.media.manifest.reader import Manifest, Part
from moviola.media.manifest.records import PictureEntry
from moviola.session.units import counted, sized
from moviola.verification.findings import Fault, Problem, ranges, those, verb

_BLOCK: Final = 1024 * 1024

Progress = Callable[[int], object]


def pictures_found(manifest: Manifest, output: Path, on_picture: Progress) -> Iterator[Problem]:
    """Yield what is wrong with the pictures of an output: a folder of them, or a file that is the only one."""
    for number, entry in enumerate(manifest.pictures):
        path = output / entry.name if output.is_dir() else output
        problem = _picture(number, entry, path)
        if problem is not None:
            yield problem
        on_picture(number + 1)


def _picture(number: int, entry: PictureEntry, path: Path) -> Problem | None:
    try:
        size = path.stat().st_size
        if size == entry.size and xxh3_of(path) == entry.xxh3:
            return None
    except FileNotFoundError:
        return Problem(Fault.MISSING, "pictures", f"{entry.name} is missing", number, number)
    if size < entry.size:
        text = f"{entry.name} has {sized(size)}, and was made with {sized(entry.size)}"
        return Problem(Fault.ALTERED, "pictures", text, number, number)
    return Problem(Fault.ALTERED, "pictures", f"{entry.name} is altered", number, number)


def strangers(manifest: Manifest, folder: Path) -> list[str]:
    """Return the names of files in an output's folder that are none of its pictures."""
    known = {entry.name for entry in manifest.pictures}
    there = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return [name for name in there if name not in known]


def records_found(manifest: Manifest, path: Path, unit: str, on_part: Progress) -> Iterator[Problem]:
    """Yield which records of a file are not as they were made. Raise OSError."""
    firsts, count = [], 0
    for part in manifest.parts:
        firsts.append(count)
        count += part.records
    damaged = []
    with path.open("rb") as file:
        for number, part in enumerate(manifest.parts):
            file.seek(part.start)
            if _crc_of(file.read, part) != part.crc:
                damaged.append(number)
            on_part(number + 1)
    for one, other in ranges(damaged):
        first, stop = firsts[one], firsts[other] + manifest.parts[other].records
        if stop > first:
            text = f"{those(unit, first, stop - 1)} {verb(first, stop - 1)} altered, missing or somewhere else"
            yield Problem(Fault.ALTERED, f"{unit}s", text[0].upper() + text[1:], first, stop - 1)


def _crc_of(read: Callable[[int], bytes], part: Part) -> int:
    crc, left = 0, part.size
    while left and (block := read(min(left, _BLOCK))):
        crc, left = crc32(block, crc), left - len(block)
    return crc


def file_found(manifest: Manifest, path: Path) -> Problem | None:
    """Return what is wrong with the bytes of a file; None where they are those that were made. Raise OSError."""
    made, size = manifest.end, path.stat().st_size
    if size == made.size and xxh3_of(path) == made.xxh3:
        return None
    if size < made.size:
        text = f"The file has {sized(size)} of {sized(made.size)}: {counted(made.size - size, 'byte')} are missing"
        return Problem(Fault.CUT_OFF, "file", text)
    return Problem(Fault.ALTERED, "file", "The file has other bytes than it was made with")
