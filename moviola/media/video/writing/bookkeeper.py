"""What became of the frames of an output, and what filters noted of them, from the chunks' reports as they pass."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TextIO

from moviola.media.account import Account
from moviola.media.annotations import Annotations
from moviola.media.manifest.writer import NOTHING, ManifestWriter
from moviola.media.material import Output
from moviola.media.video.filtering.decode import MAX_TOLD_APART
from moviola.media.video.grid import grid_of
from moviola.media.video.headers import VideoSplice
from moviola.media.video.reading.timeline import source_time
from moviola.media.video.report import ChunkReport


class Bookkeeper:
    """Adds reports up in `account`, and writes notes to `file` with their frames' times in the output. `manifest` is
    told what each frame came of. Times in the output are in units of `time_base`, in seconds."""

    def __init__(
        self,
        source: VideoSplice,
        output: Output,
        file: TextIO,
        time_base: Fraction,
        manifest: ManifestWriter = NOTHING,
    ) -> None:
        self._paced = grid_of(output, source) is not None
        self._time_base = time_base
        self._usual_size = f"{source.width}x{source.height}"
        self._other_sizes, self._formats, self._colours = Counter[str](), Counter[str](), Counter[str]()
        self._source, self._frame_count = source, source.frame_count
        self._manifest = manifest
        self._unmarked_fields = self._alike_fields = 0
        self.account = Account()
        self.annotations = Annotations(file)

    def add(self, index: int, report: ChunkReport, pts: list[int]) -> None:
        """Add the report of the next chunk, which has this index; `pts` are the times in the output of its frames."""
        shown = self.account.frames_out  # so far
        self.account.add(report)
        self._other_sizes.update(report.other_sizes)
        self._formats.update(report.formats)
        self._colours.update(report.colours)
        self._unmarked_fields += report.unmarked_fields
        self._alike_fields += report.alike_fields
        left_out = 0
        if self._paced:
            distinct = len(set(report.frames))
            self.account.repeated_frames += len(report.frames) - distinct
            left_out = max(0, report.frames_in - len(report.lost) - distinct)
            self.account.left_out_frames += left_out
        self._tell_manifest(index, report, left_out)
        notes = dict(report.notes)
        if notes:
            for frame, (source_frame, each) in enumerate(zip(report.frames, pts, strict=True), start=shown):
                if source_frame in notes:
                    self.annotations.add(frame, source_frame, float(each * self._time_base), notes[source_frame])

    def _tell_manifest(self, index: int, report: ChunkReport, left_out: int) -> None:
        """Tell the manifest what the chunk's frames came of, with the times that the source itself has."""
        source = self._source
        times = report.source_pts if self._paced else report.pts
        if source.timeline:
            times = [None if at is None else source_time(source.timeline, at) for at in times]
        self._manifest.chunk(index, report, left_out)
        flagged = {each.frame for each in report.fallback}, set(report.damaged)
        self._manifest.frames(report.frames, source.time_base, times, *flagged)

    def close(self) -> None:
        """Close the account after the last chunk, and warn of what was counted."""
        self.account.close(self._frame_count)
        if count := self._unmarked_fields:
            self.account.warn(f"{_frames(count)} interlaced, though the first is not: none is marked as interlaced")
        if count := self._alike_fields:
            self.account.warn(f"{_frames(count)} progressive, or in the other order of fields: all are marked alike")
        then = "they are filtered in their own size, and then scaled to that of the others"
        self._warn_of_changes("size", self._usual_size, self._other_sizes, then)
        then = "they are filtered in their own, and then converted to that of the output"
        self._warn_of_changes("pixel format", *_first(self._formats), then)
        then = "all are tagged alike, so that these look wrong"
        self._warn_of_changes("colour tags", *_first(self._colours), then)

    def _warn_of_changes(self, what: str, usual: str, others: Counter[str], then: str) -> None:
        for name, count in others.most_common(MAX_TOLD_APART):
            self.account.warn(f"the source changes its {what}: {_frames(count)} {name}, not {usual}; {then}")


def _first(counts: Counter[str]) -> tuple[str, Counter[str]]:
    """Return what the first frames are, and the counts of all others."""
    first = next(iter(counts), "")
    return first, Counter({name: count for name, count in counts.items() if name != first})


def _frames(count: int) -> str:
    return f"{count} frame is" if count == 1 else f"{count} frames are"
