"""Puts the pictures of all results into a folder under their names. Nothing is decoded here.

The digest is the SHA-256 over all pictures in the order of their names' bytes, each as the line `<name> <size>` and its
bytes; names are relative to the output's folder. So anyone can compute it from the folder alone.

What filters noted goes to `<output>.annotations.jsonl`: a line for each note, in the order of the source, with `image`,
the picture's name there, `index`, its place there, and, of a file with several pages, `page`, counted from 1. Of an
output that encodes nothing this is the main file, and its SHA-256 the digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import xxhash

from moviola.media.account import MAX_LISTED, Account
from moviola.media.annotations import SUFFIX
from moviola.media.bundle import read
from moviola.media.found import Found
from moviola.media.images.bundle import ImageResult, placed
from moviola.media.images.names import Names
from moviola.media.manifest.records import PictureEntry
from moviola.media.manifest.writer import NOTHING, ManifestWriter
from moviola.media.material import NO_VIDEO, Encoder, Files, Material, Output, Source
from moviola.media.report import Note, Report
from moviola.media.spliced import Details, Spliced

MAX_SAID: Final = 20
"""Images about which a person is told at once; all are counted, and MAX_LISTED of them listed in the metrics."""

MAX_SIZES_TOLD: Final = 1_000
"""Pictures whose sizes before and after are listed in the metrics: some 100 bytes each."""

_READ_SIZE: Final = 1024 * 1024


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    manifest: ManifestWriter = NOTHING,
) -> Spliced:
    """Write `<output>/<name>` for each picture of the results, which come in the order of their chunks.

    Raise SpliceError when results are out of order or none of images, BundleError, OSError.
    """
    return _Splicer(files, source, output, manifest).run(results)


class _Trouble(NamedTuple):
    """What went wrong with an image."""

    name: str
    error: str


class _Sizes(NamedTuple):
    """How many bytes a picture's file has, and had before."""

    name: str
    source: str
    source_size: int
    size: int


class _Splicer:
    def __init__(self, files: Files, source: Source, output: Output, manifest: ManifestWriter) -> None:
        self._files, self._source, self._output, self._manifest = files, source, output, manifest
        self._account = Account()
        self._names = Names()
        self._written: dict[str, Path] = {}
        self._size = 0
        self._sizes: list[_Sizes] = []
        self._troubles: list[_Trouble] = []
        self._trouble_count = 0
        self._lines: TextIO
        self._line_count = 0
        self._found = Found()

    def run(self, results: Iterable[bytes]) -> Spliced:
        notes = f"{self._output.name}{SUFFIX}"
        is_encoded = self._output.encoder.codec != NO_VIDEO
        if is_encoded:
            self._make_folder()
        with self._files.partial(notes).open("w", encoding="utf-8") as self._lines:
            for index, payload in enumerate(results):
                if payload:  # otherwise its chunk was left out
                    self._add(index, payload)
        if is_encoded and not self._line_count:
            self._files.withdraw(notes)
        self._account.close(self._source.frame_count)
        self._say()
        return Spliced(
            account=self._account,
            digest=_digest(self._written) if is_encoded else _digest_of(self._files.partial(notes)),
            main=self._output.name if is_encoded else notes,
            details=self._details(),
            troubles={"images": [each._asdict() for each in self._troubles]},
        )

    def _details(self) -> Details:
        """Return what the metrics tell of the output; `codec` and all that belongs to it are None, as they say nothing
        of images."""
        encoder = self._output.encoder
        return {
            "codec": None,
            "crf": None,
            "preset": None,
            "format": encoder.format or "kept",
            "quality": encoder.quality,
            "files": len(self._written),
            "size": self._size,
            "annotation_count": self._line_count,
            "found": self._found.to_json(),
            "pictures": [each._asdict() for each in self._sizes],
        }

    def _make_folder(self) -> None:
        """Make the output's folder, which is there even if no picture comes."""
        inside = f"{self._output.name}/_"
        self._files.partial(inside)
        self._files.withdraw(inside)

    def _add(self, chunk: int, payload: bytes) -> None:
        table, parts = read(ImageResult, payload)
        names, report = table.names, table.report
        self._account.add(report)
        self._manifest.chunk(chunk, report)
        sizes = table.sizes or [0] * len(names)  # of a worker that does not tell them
        entries = []
        for (_, index, page, kind), part in zip(table.p, parts, strict=True):
            place = index - report.first
            name = self._write(names[place], kind, page, part)
            entries.append(PictureEntry(name, index, len(part), xxhash.xxh3_128_hexdigest(part)))
            if len(self._sizes) < MAX_SIZES_TOLD:
                self._sizes.append(_Sizes(name, names[place], sizes[place], len(part)))
        self._manifest.pictures(entries)
        for index, notes in report.notes:
            self._found.add(index, notes)
            self._note([placed(note, names[index - report.first], index) for note in notes])
        self._tell(report, names)

    def _note(self, notes: list[Note]) -> None:
        for note in notes:
            self._lines.write(json.dumps(note, ensure_ascii=False) + "\n")
            self._line_count += 1

    def _write(self, source: str, kind: str, page: int, data: memoryview) -> str:
        """Write a picture; return its name."""
        name = self._names.take(source, kind, page)
        path = self._files.partial(f"{self._output.name}/{name}")
        path.write_bytes(data)
        self._written[name] = path
        self._size += len(data)
        return name

    def _tell(self, report: Report, names: list[str]) -> None:
        """List what went wrong by the images' names; the account's lists have indexes alone."""
        texts = dict(report.lost)
        for index, name, error in report.fallback:
            texts[index] = f"is not filtered: {name}: {error}" if name else f"is not filtered: {error}"
        for place, text in report.decode_errors:
            texts.setdefault(report.first + place, text)
        self._trouble_count += len(texts)
        for index, text in sorted(texts.items())[: MAX_LISTED - len(self._troubles)]:
            self._troubles.append(_Trouble(names[index - report.first], text))

    def _say(self) -> None:
        """Warn of what a person should know at once: what went wrong, with which images, and which names had to
        change."""
        warn = self._account.warn
        for each in self._troubles[:MAX_SAID]:
            warn(f"{each.name} {each.error}")
        if self._trouble_count > MAX_SAID:
            more = self._trouble_count - MAX_SAID
            images = "1 more image has" if more == 1 else f"{more} more images have"
            warn(f"{images} such problems; the metrics list them")
        if changed := self._names.changed:
            source, name = next(iter(changed.items()))
            many = f"{len(changed)} images could not keep their names, which are"
            kept = "1 image could not keep its name, which is" if len(changed) == 1 else many
            warn(f"{kept} taken, or not safe for files: {source!r} is called {name!r}")


def digest_of_folder(folder: Path) -> str:
    """Return the digest of all files in a folder, which is that of an output if they are its pictures."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return _digest({path.relative_to(folder).as_posix(): path for path in paths})


def digest_of_file(material: Material, encoder: Encoder, path: Path) -> str:
    """Return the digest of an output whose only picture, of a material of one file, lies at `path` under any name."""
    return _digest({Names().take(material.files[0][0], encoder.format): path})


def _digest(pictures: Mapping[str, Path]) -> str:
    digest = sha256()
    for name in sorted(pictures, key=str.encode):
        path = pictures[name]
        digest.update(f"{name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while block := file.read(_READ_SIZE):
                digest.update(block)
    return digest.hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
