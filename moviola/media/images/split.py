"""Picture files as a Source and chunks of some files each; nothing is decoded, only headers are read.

`Source.process` of the kind "images" is empty: a chunk says all. `Source.splice` is a FrameCount: how many files there
are. Facts are for people and for the metrics; `_facts` lists them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import xxhash

from moviola.media.bundle import pack
from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, Finding, bounded, sentences
from moviola.media.images import KIND
from moviola.media.images.bundle import ImageChunk, ImageEntry
from moviola.media.images.carried import LEFT_OUT, MAX_JPEG_XMP_SIZE, LeftOut, fits
from moviola.media.images.ending import is_cut_off
from moviola.media.images.findings import (
    ALPHA,
    ASSOCIATED,
    CMYK,
    GREY_ALPHA_PROFILE,
    GREY_PROFILE,
    LAB,
    LONG_XMP,
    OF_LATER_PAGES,
    ImageGroup,
)
from moviola.media.images.formats import MAX_FILE_SIZE, BrokenImage
from moviola.media.images.header import Header, too_large
from moviola.media.images.readers import read_header
from moviola.media.material import Chunk, Cutting, Facts, FrameCount, Material, Source

MAX_IMAGES: Final = 200_000
"""Files in one job: its names and checksums take about 100 bytes each in the client, the aggregator's list as many."""

CHUNK_IMAGES: Final = 32
"""Pictures a chunk: more would gain nothing, and lose more when a worker dies."""

CHUNK_SIZE: Final = 8 * 1024 * 1024
CHUNK_PIXELS: Final = 16_000_000
"""Bytes and pixels of a chunk if nobody says how many pictures it should have: about a second's work. It always has at
least one picture."""

MAX_CHUNK_SIZE: Final = 24 * 1024 * 1024
MAX_CHUNK_PIXELS: Final = 64_000_000
"""Bytes and pixels of a chunk however many pictures are asked for: payloads stay below 32 MiB, and results, which may
be lossless, below 256."""


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Cut pictures into chunks, in the order of their names; where depends on the files and `cutting` alone.

    Every file is read twice, one at a time: to check it, and, as the iterator is consumed, to send it. A file that is
    no picture, or beyond a limit, takes its place in a chunk by name with the reason, and nobody decodes it.

    Raise UnreadableSource when there is no picture among the files, and from the iterator when one changes meanwhile;
    ValueError for `chunk_frames` < 1.
    """
    if cutting.chunk_frames is not None and cutting.chunk_frames < 1:
        raise ValueError(f"chunks cannot have {cutting.chunk_frames} images; ask for at least 1")
    if len(material.files) > MAX_IMAGES:
        raise UnreadableSource(
            material.name, f"there are {len(material.files)} files", f"send at most {MAX_IMAGES} at a time"
        )
    files = sorted(material.files)
    survey = _Survey(cutting.chunk_frames)
    for name, path in files:
        survey.add(name, path)
    if len(survey.problems) == len(files):
        raise _no_picture(material, files, survey)
    source = Source(
        kind=KIND.name,
        name=material.name,
        fingerprint=survey.fingerprint.hexdigest(),
        facts=_facts(survey, files),
        process={},
        splice=FrameCount(len(files)).to_wire(),
        stream_count=1,
    )
    return source, _chunks(files, survey)


@dataclass(slots=True)
class _Survey:
    """What the first reading of all files gives."""

    asked: int | None
    starts: array[int] = field(default_factory=lambda: array("L"))  # of each chunk, the index of its first file
    checksums: array[int] = field(default_factory=lambda: array("Q"))
    problems: dict[int, str] = field(default_factory=dict)
    cut_off: list[int] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, bool, bool, int], Counter[str]] = field(default_factory=dict)
    left_out: dict[LeftOut, tuple[str, int]] = field(default_factory=dict)  # the first image's name, how many there are
    page_count: int = 0
    size: int = 0
    fingerprint: Any = field(default_factory=xxhash.xxh3_128)
    _count: int = 0  # of the chunk under way
    _size: int = 0
    _pixels: int = 0

    def add(self, name: str, path: Path) -> None:
        """Read the next file, and find its place in a chunk."""
        index, pixels, data = len(self.checksums), 0, b""
        try:
            data = _read(path)
            header = read_header(data)
        except BrokenImage as problem:
            self.problems[index], data = str(problem), b""
        else:
            pixels = header.pixel_count
            self.formats[header.format] += 1
            self.page_count += len(header.pages)
            self._note(name, header)
            if is_cut_off(data):
                self.cut_off.append(index)
        self.size += len(data)
        checksum = _checksum(data)
        self.checksums.append(checksum)
        self.fingerprint.update(f"{name}\0{self.problems.get(index, '')}\0{len(data)}\0{checksum}\n".encode())
        self._place(index, len(data), pixels)

    def _note(self, name: str, header: Header) -> None:
        """Note what an image has that may be kept or not."""
        key = (header.format, header.is_moving, len(header.pages) > 1 and not header.is_moving, header.bits)
        things = self.groups.setdefault(key, Counter())
        things.update(("", *{thing for each in header.all_carried for thing in each.things}))
        is_long = any(len(each.xmp) > MAX_JPEG_XMP_SIZE for each in header.all_carried)
        has_grey_profile = any(fits(each.profile, 1) for each in header.all_carried)
        also = {
            ALPHA: header.has_alpha,
            ASSOCIATED: header.has_alpha and header.is_premultiplied,
            CMYK: header.is_cmyk,
            LAB: header.is_lab,
            LONG_XMP: is_long,
            GREY_PROFILE: has_grey_profile and not header.has_alpha,
            GREY_ALPHA_PROFILE: has_grey_profile and header.has_alpha,
            OF_LATER_PAGES: any(each != header.carried for each in header.later),
        }
        things.update(each for each, is_there in also.items() if is_there)
        for left_out in header.left_out:
            first, count = self.left_out.get(left_out, (name, 0))
            self.left_out[left_out] = (first, count + 1)

    def image_groups(self) -> Iterator[ImageGroup]:
        """Yield the images that fare alike."""
        for (format, is_moving, has_pages, bits), things in sorted(self.groups.items()):
            carried = {thing: count for thing, count in sorted(things.items()) if thing}
            yield ImageGroup(format, things[""], is_moving, has_pages, bits, carried)

    def damage(self, files: list[tuple[str, Path]]) -> list[Finding]:
        """Return which images lack their end."""
        reason = "is missing: the file is cut off, and the rest of the picture is filled up; copy it again"
        return [Finding(f"the end of {files[index][0]}", Fate.LOST, reason) for index in self.cut_off]

    def findings(self, files: list[tuple[str, Path]]) -> Iterator[Finding]:
        """Yield what becomes of images whatever the output is."""
        for index, problem in self.problems.items():
            yield Finding(files[index][0], Fate.LOST, problem)
        for left_out, (first, count) in self.left_out.items():
            noun, reason = LEFT_OUT[left_out]
            more = f" and of {count - 1} more" if count > 1 else ""
            yield Finding(f"{noun} of {first}{more}", Fate.LOST, reason)

    def _place(self, index: int, size: int, pixels: int) -> None:
        images, max_size, max_pixels = self.asked or CHUNK_IMAGES, CHUNK_SIZE, CHUNK_PIXELS
        if self.asked:
            max_size, max_pixels = MAX_CHUNK_SIZE, MAX_CHUNK_PIXELS
        is_full = self._count >= images or self._size + size > max_size or self._pixels + pixels > max_pixels
        if is_full or not self.starts:
            self.starts.append(index)
            self._count = self._size = self._pixels = 0
        self._count += 1
        self._size += size
        self._pixels += pixels


def _chunks(files: list[tuple[str, Path]], survey: _Survey) -> Iterator[Chunk]:
    for index, start in enumerate(survey.starts):
        stop = survey.starts[index + 1] if index + 1 < len(survey.starts) else len(files)
        entries, parts = [], []
        for at in range(start, stop):
            name, path = files[at]
            data = b"" if at in survey.problems else _again(path, survey.checksums[at])
            entries.append(ImageEntry(len(data), name, survey.problems.get(at, "")))
            parts.append(data)
        yield Chunk(0, index, stop - start, pack(ImageChunk(entries, start).to_wire(), parts))


def _again(path: Path, checksum: int) -> bytes:
    try:
        data = _read(path)
    except BrokenImage:
        data = b""
    if _checksum(data) != checksum:
        raise UnreadableSource(path, "the file changed while it was read", "send it again")
    return data


def _read(path: Path) -> bytes:
    """Return a file's bytes. Raise BrokenImage if it cannot be read, or is larger than any picture may be."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise BrokenImage(f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_SIZE:
        raise BrokenImage(too_large(path.stat().st_size))
    return data


def _checksum(data: bytes) -> int:
    return xxhash.xxh3_64_intdigest(data)


def _no_picture(material: Material, files: list[tuple[str, Path]], survey: _Survey) -> UnreadableSource:
    hint = "check that the path is the one you meant"
    if not files:
        return UnreadableSource(material.name, "there are no files in it", hint)
    if len(files) == 1:
        return UnreadableSource(files[0][1], f"this file {survey.problems[0]}", hint)
    first = f"{files[0][0]} {survey.problems[0]}"
    reason = f"none of its {len(files)} files is a picture that can be read: {first}"
    return UnreadableSource(material.name, reason, hint)


def _facts(survey: _Survey, files: list[tuple[str, Path]]) -> Facts:
    damage = bounded(survey.damage(files))
    return {
        "unit": KIND.unit,
        "frame_count": len(files),
        "formats": dict(sorted(survey.formats.items())),
        "page_count": survey.page_count,
        "size": survey.size,
        "unreadable_count": len(survey.problems),
        "chunk_count": len(survey.starts),
        "damaged": bool(damage),
        "damage": list(sentences(damage)),
        "findings": [each.to_wire() for each in bounded([*damage, *survey.findings(files)])],
        "groups": [each.to_wire() for each in survey.image_groups()],
    }
