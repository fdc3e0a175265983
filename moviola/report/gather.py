"""All that a report tells, asked of the cluster and read from the job's files; what cannot be had is said instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.json_texts import json_in
from moviola.base.output_summary import OutputSummary
from moviola.filters.chain import Step, format_chain
from moviola.media import metadata
from moviola.media.annotations import SUFFIX
from moviola.media.fingerprint import versions
from moviola.media.metrics import Metrics
from moviola.report.facts import MAX_DETAILED, MAX_GALLERY, MAX_THUMBNAILS, Album, Facts, OutputFacts
from moviola.report.gallery import Before, before_of, gallery_of, pictures_named
from moviola.report.notes import MAX_NOTES_SIZE, notes_of
from moviola.report.samples import samples_of
from moviola.report.thumbnails import Budget, NoPictures, frames_at, thumbnail
from moviola.report.words import clock, grouped
from moviola.session.remote_file import RemoteFile, RemoteFiles
from moviola.session.rpc import job_timeline
from moviola.session.target import Target
from moviola.session.timeline import timeline_of
from moviola.wire.limits import MIB
from moviola.wire.messages import Job

TIME_LIMIT_S: Final = 30.0
"""How long pictures are looked for: of most reports all are found in a few seconds."""

MAX_JSON_SIZE: Final = 32 * MIB
"""Bytes of a file of metrics, whose four lists have 10 000 entries at most, or of a job's metadata."""

METADATA: Final = "metadata"
"""The filter that finds cuts."""

Open = Callable[[FinishedFile], RemoteFile]


def gather(target: Target, job: str, now_unix_s: float) -> Facts:
    """Return what a report of a job tells.

    Args:
        target: the cluster, and for whom.
        job: its id.
        now_unix_s (s): the time of day, since 1970.

    Raises:
        Refused: there is no such job of this user.
        Unreachable, TimeoutError: the middleware cannot be asked.
    """
    record = job_timeline(target, job)
    return facts_of(record, RemoteFiles(target, record).open, now_unix_s)


def facts_of(record: Job, opened: Open, now_unix_s: float) -> Facts:
    """Return what a report tells of a job.

    Args:
        record: with its details and its timeline.
        opened: opens one of its files. What that reads may raise OSError.
        now_unix_s: as in `gather`.
    """
    deadline = time.monotonic() + TIME_LIMIT_S
    budget = Budget(lambda: time.monotonic() > deadline)
    facts = Facts(record, timeline_of(record), now_unix_s, versions=versions())
    summaries = {summary.name: summary for summary in record.outputs}
    for asked in record.details.outputs:
        chain = format_chain(Step(step.name, step.parameters) for step in asked.chain)
        facts.outputs.append(OutputFacts(asked.name, chain))
    readers = []
    for place, output in enumerate(facts.outputs):
        if (summary := summaries.get(output.name)) is not None:
            reader = _Reader(record, summary, output, opened, budget)
            reader.read(is_detailed=place < MAX_DETAILED)
            readers.append(reader)
    described = _json(record, metadata.NAME, opened)
    facts.source_size = _source_size(described, facts)
    _add_scenes(facts, described, readers)
    for reader in readers[:MAX_DETAILED]:
        reader.show()
    return facts


def _source_size(described: dict[str, Any], facts: Facts) -> int | None:
    container = described.get("container")
    size = container.get("size") if isinstance(container, dict) else None
    metrics = next((output.metrics for output in facts.outputs if output.metrics is not None), None)
    if size is None and metrics is not None:
        size = metrics.source.get("size")
    return size if isinstance(size, int) else None


def _json(record: Job, name: str, opened: Open) -> dict[str, Any]:
    """Return the object in a small JSON file of the job; empty where it cannot be read, is too large, or holds no
    object."""
    file = _file(record, name)
    if file is None or file.size > MAX_JSON_SIZE:
        return {}
    try:
        found = json_in(opened(file).read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file(record: Job, name: str) -> FinishedFile | None:
    return next((file for file in record.files if file.file == name), None)


@dataclass(slots=True)
class _Reader:
    """Reads the files of one output."""

    record: Job
    summary: OutputSummary
    output: OutputFacts
    opened: Open
    budget: Budget

    def read(self, *, is_detailed: bool) -> None:
        """Read its numbers, and where it is told of in detail what its filters noted."""
        self._read_metrics()
        if not is_detailed:
            return
        self._read_notes()
        if self.record.progress.kind == "table":
            self._read_samples()

    def show(self) -> None:
        """Make its pictures."""
        if self.metrics is None:
            return
        fallback, damaged = self._numbers("fallback"), self._numbers("damaged")
        if self.is_video:
            self.output.fallback = self.frames(fallback)
            self.output.damaged = self.frames(damaged)
        elif self.listing is not None:
            self._show_gallery(self.listing)

    @property
    def metrics(self) -> Metrics | None:
        """Return its metrics, where they could be read."""
        return self.output.metrics

    @property
    def main(self) -> FinishedFile | None:
        """Return its main file."""
        return _file(self.record, self.summary.file)

    @property
    def listing(self) -> FinishedFile | None:
        """Return the list of its pictures, where it is a folder of some."""
        return next((file for file in self.record.files if file.folder == self.output.name), None)

    @property
    def is_video(self) -> bool:
        """True where its main file is a film."""
        is_film = self.record.progress.kind == "video" and not self.summary.file.endswith(SUFFIX)
        return is_film and self.main is not None

    def _read_metrics(self) -> None:
        found = _json(self.record, self.summary.metrics_file, self.opened)
        try:
            self.output.metrics = Metrics.from_wire(found)
        except ValueError:
            self.output.missing.append("Its metrics could not be read, so most of its figures are missing")
            return
        size = self.output.metrics.output.get("size")
        main = self.main
        self.output.size = size if isinstance(size, int) else None if main is None else main.size

    def _read_notes(self) -> None:
        file = _file(self.record, f"{self.output.name}{SUFFIX}")
        if file is None:
            return
        is_time = self.record.progress.kind == "video"
        try:
            self.output.notes = notes_of(_lines(self.opened(file)), self._end(is_time=is_time), is_time=is_time)
        except OSError as error:
            self.output.missing.append(f"What its filters noted could not be read: {error}")
            return
        if file.size > MAX_NOTES_SIZE:
            read = MAX_NOTES_SIZE / file.size
            self.output.notes.unread = f"Only the first {read:.0%} of {grouped(file.size)} bytes of notes were read"

    def _end(self, *, is_time: bool) -> float:
        """Return where its last frame is: seconds of a video, or how many pictures there are."""
        if self.metrics is None:
            return 0.0
        told = self.metrics.output.get("duration_s") or self.metrics.source.get("duration_s")
        return float(told or 0.0) if is_time else float(self.summary.frames_in)

    def _read_samples(self) -> None:
        main = self.main
        if main is None:
            return
        try:
            self.output.samples = samples_of(self.opened(main), main.file)
        except OSError as error:
            self.output.missing.append(f"Its records could not be read: {error}")

    def _numbers(self, trouble: str) -> dict[int, str]:
        """Return the source's frames in a list of troubles, with the reason for each; damaged ones have none."""
        listed = self.metrics.troubles.get(trouble, []) if self.metrics is not None else []
        if trouble == "damaged":
            return {number: "" for number in listed if isinstance(number, int)}
        return {
            one["frame"]: _why(one) for one in listed if isinstance(one, dict) and isinstance(one.get("frame"), int)
        }

    def place(self, source_frame: int) -> int:
        """Return where a frame of the source is in the output: behind those that are lost before it, or, at another
        frame rate, where its share of the time is."""
        assert self.metrics is not None
        frames = self.metrics.frames
        if frames.get("repeated") or frames.get("left_out"):
            return source_frame * frames["out"] // max(1, frames["in"])
        lost = self.metrics.troubles.get("lost", [])
        return source_frame - sum(1 for one in lost if isinstance(one, dict) and one.get("frame", 0) < source_frame)

    def frames(self, numbers: dict[int, str], label: Callable[[int], str] = lambda number: f"frame {number}") -> Album:
        """Return some frames of the source as the output shows them.

        Args:
            numbers: with a note for each.
            label: of a number.
        """
        album, main = Album(len(numbers)), self.main
        if not numbers or main is None:
            return album
        chosen = {self.place(number): number for number in spread(sorted(numbers), MAX_THUMBNAILS)}
        if self.budget.is_spent:
            album.missing = self.budget.reason
            return album
        try:
            for place, pixels, shape in frames_at(self.opened(main), main.size, sorted(chosen)):
                number = chosen[place]
                made = thumbnail(pixels, label(number), numbers[number], shape)
                if not self.budget.take(made) or self.budget.is_spent:
                    break
                album.pictures.append(made)
        except NoPictures as error:
            album.missing = str(error)
        album.missing = album.missing or self.budget.reason
        return album

    def _show_gallery(self, listing: FinishedFile) -> None:
        told = self.metrics.troubles.get("images", []) if self.metrics is not None else []
        names = {one["name"]: str(one.get("error", "")) for one in told if isinstance(one, dict) and "name" in one}
        share = MAX_GALLERY // min(MAX_DETAILED, max(1, len(self.record.outputs)))
        try:
            files = pictures_named(self.opened(listing))
            self.output.gallery = gallery_of(
                files, listing.folder, names, self._before(), share, self.opened, self.budget
            )
        except OSError as error:
            self.output.gallery.missing = str(error)

    def _before(self) -> dict[str, Before]:
        return before_of(self.metrics.output.get("pictures")) if self.metrics is not None else {}


def _why(trouble: dict[str, Any]) -> str:
    name, error = str(trouble.get("filter", "")), str(trouble.get("error", ""))
    return f"{name}: {error}" if name and error else name or error


def _add_scenes(facts: Facts, described: dict[str, Any], readers: list[_Reader]) -> None:
    """Add the first frame of each scene, if an output looked for cuts and an output is a film: if possible the same
    one."""
    analysis = described.get("analysis")
    if not isinstance(analysis, dict):
        return
    cuts = [cut for cut in analysis.get("cuts", []) if isinstance(cut, dict) and isinstance(cut.get("frame"), int)]
    begins = {0: clock(0.0)} | {cut["frame"]: clock(float(cut.get("time_s", 0.0))) for cut in cuts}
    films = [reader for reader in readers if reader.is_video and reader.metrics is not None]
    if not films:
        facts.scenes = Album(len(begins), missing="no output of this job is a film that could show them")
        return
    best = min(films, key=lambda reader: not _measures(reader))
    scenes = {frame: f"scene {number}" for number, frame in enumerate(begins, 1)}
    facts.scenes = best.frames(begins, lambda frame: f"{scenes[frame]}, frame {frame}")


def _measures(reader: _Reader) -> bool:
    """Return whether an output measured for cuts itself: its pictures are most like what was looked at."""
    asked = next((one for one in reader.record.details.outputs if one.name == reader.output.name), None)
    return asked is not None and any(step.name == METADATA for step in asked.chain)


def spread(values: list[int], most: int) -> list[int]:
    """Return at most so many of the values, evenly spread, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]


def _lines(file: RemoteFile) -> Iterator[bytes]:
    """Yield the lines of a file's first MAX_NOTES_SIZE bytes."""
    rest = b""
    for piece in file.pieces(MAX_NOTES_SIZE):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def first_failure(record: Job) -> Failure | None:
    """Return the first failure that is known of a job."""
    failures = record.details.failures or [one for output in record.outputs for one in output.failures]
    return next(iter(failures), None)
