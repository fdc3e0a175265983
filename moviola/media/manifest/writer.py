"""Writes a manifest while an output is spliced. What stays in memory is a line, and a few numbers a stream."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, TextIO
from zlib import crc32

from moviola.base.hashes import xxh3_of
from moviola.base.installation import version
from moviola.media.manifest import FORMAT, LINE_UNITS
from moviola.media.manifest.blocks import Blocks
from moviola.media.manifest.records import (
    ChunkLine,
    EndLine,
    FramesLine,
    Header,
    Line,
    LostFrames,
    LostLine,
    Maker,
    PacketsLine,
    PartLine,
    PictureEntry,
    PicturesLine,
    StreamLine,
    StreamTotal,
    steps,
)
from moviola.media.material import Output, Source
from moviola.media.report import Lost, Report
from moviola.media.spliced import Spliced

LINE_ENTRIES: Final = 100
"""Entries with texts in a line: names of pictures, and causes of losses."""

_LEVEL: Final = 6  # of gzip: a higher one takes longer and saves nothing of CRCs, which are most of it

Makers = Callable[[int], Maker]
"""Tells who made the results of an output: by a chunk's index."""


class _Packets:
    """Packets of a stream that are not written yet, and all that were."""

    def __init__(self, number: int) -> None:
        self.total = StreamTotal(number, 0, 0, 0)
        self.pts: list[int] = []
        self.crc: list[int] = []
        self.counts: list[int] = []
        self.blocks = Blocks(self.crc, self.counts, by_blocks=number > 0)

    def add(self, pts: int, data: memoryview) -> None:
        """Add the next packet."""
        stream, packets, size, total = self.total
        self.total = StreamTotal(stream, packets + 1, size + len(data), crc32(data, total))
        self.pts.append(pts)
        self.blocks.add(data)

    def clear(self) -> None:
        """Forget those that are written."""
        self.pts.clear()
        self.crc.clear()
        self.counts.clear()


class ManifestWriter:
    """Writes the lines of one manifest; with no file it writes none.

    The order is: `begin`, of each chunk `chunk` and what came of it, each `stream` and its packets, `end`. A splice
    that is tried again calls `restart`.
    """

    def __init__(self, file: BinaryIO | None, makers: Makers, job: str = "") -> None:
        self._raw, self._makers, self._job = file, makers, job
        self._file: TextIO | None = None
        self._header: Header | None = None
        self._packets: dict[int, _Packets] = {}

    @property
    def is_kept(self) -> bool:
        """Whether anything is written."""
        return self._raw is not None

    def write(self, line: Line) -> None:
        """Write a line."""
        if self._file is not None:
            told = {line.LINE: line.to_wire()}
            self._file.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")

    def begin(self, source: Source, output: Output) -> None:
        """Write the first line. Raise BadHeader where the source does not tell how many frames it has."""
        if self.is_kept:
            told = (source.name, source.fingerprint, source.frame_count)
            self._header = Header(FORMAT, version(), source.kind, self._job, output.name, *told)
            self.restart()

    def restart(self) -> None:
        """Take back all but the first line: the output is spliced again from its beginning."""
        if self._raw is None or self._header is None:
            return
        self.close()
        self._raw.seek(0)
        self._raw.truncate()
        packed = gzip.GzipFile("", "wb", _LEVEL, self._raw, mtime=0)
        self._file = TextIOWrapper(packed, "utf-8", newline="\n")
        self._packets.clear()
        self.write(self._header)

    def chunk(self, index: int, report: Report, left_out: int = 0) -> None:
        """Write a chunk, and what of it is lost; `left_out` as of ChunkLine."""
        if not self.is_kept:
            return
        maker = self._makers(index)
        self.write(ChunkLine(index, *maker, report.first, report.frames_in, report.frames_out, left_out))
        lost = list(_joined(report.lost))
        for at in range(0, len(lost), LINE_ENTRIES):
            self.write(LostLine(lost[at : at + LINE_ENTRIES]))

    def frames(
        self,
        source: Sequence[int],
        time_base: Fraction,
        times: Sequence[int | None],
        fallback: Container[int] = (),
        damaged: Container[int] = (),
    ) -> None:
        """Write frames of the output, in the order in which they are shown.

        Args:
            source: the index in the source of each.
            time_base: of the source's times.
            times: when each is shown there.
            fallback: the indexes of those that are not filtered.
            damaged: of those that the decoder had to patch up.
        """
        for at in range(0, len(source) if self.is_kept else 0, LINE_UNITS):
            shown = list(source[at : at + LINE_UNITS])
            known = [time for time in times[at : at + LINE_UNITS] if time is not None]
            flagged = [[place for place, index in enumerate(shown) if index in those] for those in (fallback, damaged)]
            when = steps(known) if len(known) == len(shown) else None
            self.write(FramesLine(steps(shown), time_base, when, *flagged))

    def stream(self, line: StreamLine) -> None:
        """Write what a stream of the file is. Packets of all but the filtered one are told in blocks."""
        self.write(line)
        self._packets[line.number] = _Packets(line.number)

    def packet(self, number: int, pts: int, data: memoryview) -> None:
        """Take the next packet of a stream."""
        if not self.is_kept:
            return
        held = self._packets[number]
        held.add(pts, data)
        if len(held.pts) >= LINE_UNITS and not held.blocks.is_open:
            self._flush(number, held)

    def pictures(self, entries: Sequence[PictureEntry]) -> None:
        """Write pictures that came of the chunk written last."""
        for at in range(0, len(entries), LINE_ENTRIES):
            self.write(PicturesLine(list(entries[at : at + LINE_ENTRIES])))

    def part(self, records: int, start: int, data_size: int, crc: int) -> None:
        """Write where the records of the chunk written last stand in the file."""
        self.write(PartLine(records, start, data_size, crc))

    def end(self, spliced: Spliced, main: Path | None) -> None:
        """Write the last line; `main` is the finished file, None where the output is a folder."""
        if not self.is_kept:
            return
        for number, held in self._packets.items():
            self._flush(number, held)
        account = spliced.account
        size, xxh3 = (spliced.details.get("size") or 0, "") if main is None else (main.stat().st_size, xxh3_of(main))
        counts = (account.frames_in, account.frames_out, account.fallback_frames, account.lost_frames)
        damaged = account.damaged_frames
        totals = [held.total for held in self._packets.values()]
        self.write(EndLine(spliced.main, size, xxh3, spliced.digest, *counts, damaged, totals))

    def close(self) -> None:
        """Write what is held back. Raise OSError as the disk does."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self, number: int, held: _Packets) -> None:
        if held.pts:
            self.write(PacketsLine(number, steps(held.pts), held.crc, held.counts if held.blocks.by_blocks else []))
            held.clear()


def in_this_process(_chunk: int) -> Maker:
    """Return who made results without a cluster: nobody who has a name, at the first try."""
    return Maker("", 1)


NOTHING: Final = ManifestWriter(None, in_this_process)
"""A writer that writes nothing."""


@contextmanager
def opened(path: Path, makers: Makers, job: str = "") -> Iterator[ManifestWriter]:
    """Give the block what writes a manifest to `path`. Equal lines make equal files. Raise OSError as the disk does."""
    with path.open("wb") as raw:
        writer = ManifestWriter(raw, makers, job)
        try:
            yield writer
        finally:
            writer.close()


def _joined(lost: Sequence[Lost]) -> Iterator[LostFrames]:
    """Yield frames that follow each other, and were lost for one cause, as one entry."""
    held: LostFrames | None = None
    for frame, cause in lost:
        if held is not None and frame == held.first + held.frame_count and cause == held.cause:
            held = held._replace(frame_count=held.frame_count + 1)
            continue
        if held is not None:
            yield held
        held = LostFrames(frame, 1, cause)
    if held is not None:
        yield held
