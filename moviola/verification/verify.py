"""Verifies outputs by their manifests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import EISDIR
from pathlib import Path
from time import monotonic
from typing import Final

import av

from moviola.media import manifest as manifests
from moviola.media.annotations import SUFFIX as ANNOTATIONS
from moviola.media.kinds import unit_of
from moviola.media.manifest.reader import Manifest, read_manifest
from moviola.media.material import Encoder
from moviola.media.table.naming import CSV, result_suffix
from moviola.media.wholeness import Wholeness, wholeness
from moviola.session.units import counted
from moviola.verification.findings import Check, Fault, Problem, Verdict, Verification, bounded, clock, verb
from moviola.verification.frames import FramesFound, compare_frames
from moviola.verification.packets import FoundFile, read_file
from moviola.verification.records import file_found, pictures_found, records_found, strangers
from moviola.verification.sound import compare_stream, name_of, pairs_of
from moviola.verification.sources import compare_source, unaccounted

Progress = Callable[[int, int], object]
"""Called with how many frames were looked at, and of how many."""

_ENDINGS: Final = (ANNOTATIONS, result_suffix(Encoder()), result_suffix(Encoder(container=CSV)))
"""What a main file's name may have behind the output's name, where that is more than the extension."""

_NO_EXTRADATA: Final = ("mpegts", "avi", "h264", "hevc", "m4v")
"""Formats in which a codec's headers have another form, or stand in the packets."""


class NoManifest(ValueError):
    """There is no manifest where one is looked for."""


def named(path: Path) -> Path:
    """Return a path of the same place whose last part is its name, which `.` and `..` are not. Links are kept."""
    return Path(os.path.abspath(path)) if path.name in ("", "..") else path


def manifest_of(output: Path) -> Path:
    """Return where the manifest of an output lies. Raise NoManifest where there is none."""
    output = named(output)
    endings = (output.suffix, "", *_ENDINGS)
    for name in dict.fromkeys(output.name.removesuffix(ending) for ending in endings):
        path = output.parent / (name + manifests.SUFFIX)  # the root of all folders has no name
        if os.path.isfile(path):
            return path
    raise NoManifest(f"{output} has no manifest beside it, called {output.stem}{manifests.SUFFIX}")


def outputs_in(folder: Path) -> list[Path]:
    """Return the outputs in a job's folder, by their manifests. Raise BadManifest, OSError."""
    found = []
    for path in sorted(folder.glob(f"*{manifests.SUFFIX}")):
        main = Path(read_manifest(path).end.file)
        stem = path.name.removesuffix(manifests.SUFFIX)
        beside = [folder / main.name, folder / (stem + main.suffix)]
        found.append(next((each for each in beside if each.exists()), beside[0]))
    return found


def verify(
    output: Path,
    source: Path | None = None,
    manifest: Path | None = None,
    *,
    decode: bool = True,
    on_progress: Progress = lambda _done, _count: None,
) -> Verification:
    """Return what an output is, by its manifest.

    Args:
        source: the file or folder of which it should have been made; it is looked at where one is given.
        manifest: where the manifest lies; by default beside the output.
        decode: whether a video is decoded. Its packets are compared in any case.

    Raises:
        NoManifest: there is none.
        moviola.media.manifest.reader.BadManifest: it is none, or cut off.
        moviola.media.errors.UnreadableSource: the source cannot be read.
        OSError: a file cannot be read, or the output is a folder where a file was made.
    """
    began_at = monotonic()
    if not output.exists():
        raise FileNotFoundError(2, "No such file or directory", str(output))
    output = named(output)
    path = manifest_of(output) if manifest is None else manifest
    told = read_manifest(path)
    if told.end.xxh3 and output.is_dir():
        reason = f"It is a folder, and {path.name} is the manifest of a file, made as {told.end.file}: name that file"
        raise IsADirectoryError(EISDIR, reason, str(output))
    made = _Verifier(output, told, decode=decode, on_progress=on_progress).result(str(path))
    problems, checks = [*made.problems], [*made.checks]
    if source is not None:
        wrong = list(bounded(compare_source(told, source)))
        problems += wrong
        count = counted(told.header.source_frames, unit_of(told.header.kind))
        checks.append(Check("source", not wrong, "another one" if wrong else f"the one it was made of, of {count}"))
    verdict = made.verdict
    if problems and verdict is not Verdict.OTHER:
        verdict = Verdict.INCOMPLETE
    return replace(made, verdict=verdict, problems=problems, checks=checks, seconds=round(monotonic() - began_at, 3))


class _Verifier:
    """Looks at one output."""

    def __init__(self, output: Path, manifest: Manifest, *, decode: bool, on_progress: Progress) -> None:
        self._output, self._manifest, self._decode, self._on_progress = output, manifest, decode, on_progress
        self._unit = unit_of(manifest.header.kind)
        self._made = manifest.end.frames_out
        self._problems: list[Problem] = []
        self._checks: list[Check] = []
        self._notes: list[str] = []

    def result(self, path: str) -> Verification:
        """Return what is known of the output without looking at the source."""
        if self._manifest.has_frames:
            verdict, found = self._video()
        elif self._manifest.pictures or self._output.is_dir():  # a folder may have been made of no picture
            verdict, found = self._pictures()
        else:
            verdict, found = self._records()
        self._problems += bounded(unaccounted(self._manifest, self._unit))
        fallback = self._manifest.end.fallback_frames
        if fallback:
            told = f"{counted(fallback, self._unit)} {verb(1, fallback)} not filtered"
            self._notes.append(f"{told}: filters failed on {'it' if fallback == 1 else 'them'} when it was made")
        damaged = self._manifest.end.damaged_frames
        if damaged:
            told = f"{counted(damaged, self._unit)} {verb(1, damaged)} patched up"
            self._notes.append(f"{told}: the source was damaged there when it was made")
        return Verification(
            output=str(self._output),
            manifest=path,
            verdict=verdict,
            problems=self._problems,
            checks=self._checks,
            notes=self._notes,
            frames_made=self._made,
            frames_found=found,
        )

    # ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _video(self) -> tuple[Verdict, int]:
        differs = file_found(self._manifest, self._output)
        try:
            file = read_file(self._output, lambda done: self._on_progress(done, self._made), decode=self._decode)
        except (av.FFmpegError, ValueError) as error:
            return self._unreadable(getattr(error, "strerror", None) or str(error)), 0
        frames = compare_frames(self._manifest, file)
        if frames.is_other:
            found = counted(len(file.streams[0].pts), "frame")
            text = f"This is another file: none of its {found} is among the {self._made} that were made"
            self._problem(Fault.OTHER, "file", text)
            self._checks.append(Check("file", False, "another one"))
            return Verdict.OTHER, 0
        self._whole(file, differs)
        self._problems += frames.problems
        told = f"{frames.intact} of {self._made} as they were made" + (", all decode" if self._decodes(file) else "")
        self._checks.append(Check("frames", not frames.problems, told))
        self._headers(file)
        self._streams(file, frames)
        return Verdict.REMUXED if differs else Verdict.COMPLETE, frames.intact

    def _decodes(self, file: FoundFile) -> bool:
        video = file.streams[0]
        return file.is_decoded and not video.undecodable and video.decoded_count == len(video.pts)

    def _unreadable(self, why: str) -> Verdict:
        size, made = self._output.stat().st_size, self._manifest.end.size
        if size < made:
            text = f"The file is cut off: it has {size} of {made} bytes, and cannot be opened ({why})"
            self._problem(Fault.CUT_OFF, "file", text)
        else:
            self._problem(Fault.UNDECODABLE, "file", f"The file cannot be opened: {why}")
        self._checks.append(Check("file", False, "cannot be opened"))
        return Verdict.INCOMPLETE

    def _whole(self, file: FoundFile, differs: Problem | None) -> None:
        """Note whether the file around the streams is whole: it can be read to its end, and is as long as it says."""
        if file.broken:
            self._problem(Fault.CUT_OFF, "file", f"The file cannot be read to its end: {file.broken}")
        elif differs and wholeness(self._output) is Wholeness.CUT_OFF:
            size, made = self._output.stat().st_size, self._manifest.end.size
            of = f" of {made}" if size < made else ""
            text = f"The file is cut off: it has {size}{of} bytes, and its container says that there are more"
            self._problem(Fault.CUT_OFF, "file", text)
        found = f"another one than was made ({file.format.split(',')[0]})" if differs else "the one that was made"
        self._checks.append(Check("file", not (file.broken or self._problems), found))

    def _headers(self, file: FoundFile) -> None:
        made, found = self._manifest.streams[0].line, file.streams[0]
        if found.extradata != made.extradata and not any(one in file.format for one in _NO_EXTRADATA):
            self._problem(
                Fault.ALTERED, "frames", "The headers of the video are altered: it may not decode to the same"
            )

    def _streams(self, file: FoundFile, frames: FramesFound) -> None:
        """Compare sound and subtitles with those recorded, and note by how much all streams are shown later
        together."""
        made = self._manifest.streams[1:]
        pairs = list(zip(made, pairs_of(made, file.streams[1:]), strict=True))
        for number, (one, other) in enumerate(pairs, start=1):
            name = name_of(number, one)
            if other is None:
                self._problem(Fault.MISSING, name, f"{name[0].upper()}{name[1:]} is missing")
                self._checks.append(Check(name, False, "missing"))
                continue
            wrong = compare_stream(number, one, other, frames.offset_s)
            self._problems += wrong
            told = counted(len(other.pts), "packet") + ("" if wrong or frames.offset_s is None else ", in step")
            self._checks.append(Check(name, not wrong, told))
        if frames.offset_s is None:
            self._notes.append("the file does not tell when its frames are shown: times and sync are not compared")
        elif frames.offset_s:
            late = "later" if frames.offset_s > 0 else "earlier"
            self._notes.append(
                f"everything is shown {clock(abs(frames.offset_s))} {late} than in the file that was made"
            )
        if len(file.streams) - 1 > len(made):
            more = len(file.streams) - 1 - len(made)
            self._notes.append(f"the file has {counted(more, 'stream')} more than were made")

    # ── all else ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _pictures(self) -> tuple[Verdict, int]:
        count = len(self._manifest.pictures)
        wrong = list(pictures_found(self._manifest, self._output, lambda done: self._on_progress(done, count)))
        self._problems += bounded(wrong)
        self._made = count
        self._checks.append(Check("pictures", not wrong, f"{count - len(wrong)} of {count} as they were made"))
        if self._output.is_dir() and (others := strangers(self._manifest, self._output)):
            self._notes.append(
                f"{counted(len(others), 'file')} in the folder {verb(1, len(others))} not part of the output"
            )
        return self._all_or_nothing(count, len(wrong)), count - len(wrong)

    def _records(self) -> tuple[Verdict, int]:
        differs = file_found(self._manifest, self._output)
        if differs is None:
            self._checks.append(Check("file", True, "the one that was made"))
            return Verdict.COMPLETE, self._made
        self._problems.append(differs)
        self._checks.append(Check("file", False, "another one than was made"))
        parts = self._manifest.parts
        on_part = lambda done: self._on_progress(done, len(parts))  # noqa: E731
        wrong = list(records_found(self._manifest, self._output, self._unit, on_part))
        self._problems += bounded(wrong)
        gone = sum((each.last or 0) - (each.first or 0) + 1 for each in wrong)
        found = max(0, self._made - gone) if parts else 0
        return self._all_or_nothing(self._made, gone), found

    def _all_or_nothing(self, count: int, wrong: int) -> Verdict:
        if self._problems and count and wrong == count:
            return Verdict.OTHER if count > 1 else Verdict.INCOMPLETE
        return Verdict.INCOMPLETE if self._problems else Verdict.COMPLETE

    def _problem(self, fault: Fault, subject: str, text: str) -> None:
        self._problems.append(Problem(fault, subject, text))


def sentences(found: Verification) -> Iterator[str]:
    """Yield what a person is told: one sentence of the whole, then one for each thing that is wrong, then notes."""
    name = Path(found.output).name
    match found.verdict:
        case Verdict.COMPLETE:
            yield f"{name} is complete"
        case Verdict.REMUXED:
            yield f"{name} is complete, in another file than was made: all frames and other streams are there unchanged"
        case Verdict.OTHER:
            yield f"{name} is not what was made"
        case Verdict.INCOMPLETE:
            yield f"{name} is not complete"
    yield from (problem.text for problem in found.problems)
    yield from (note[0].upper() + note[1:] for note in found.notes)
