"""Sends videos through a cluster and compares what comes back with the file: `python -m tests.end_to_end.real_clips`.

For each file the picture through `identity` and FFV1 must be the one that a plain decode gives, frame for frame, turned
upright. In every other codec no frame may be missing, the digest must be that of `--local`, and sound must come back
packet for packet. Times must be the source's: exactly in MP4 and MOV, to the nearest millisecond in Matroska.
A file that is damaged may differ in its pixels; it is marked so. Exit status: 0 all agrees, 1 something does not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from moviola.media.video.codecs import CODECS
from moviola.media.video.filtering.rotation import orient, plane_view
from moviola.media.video.orientation import Orientation
from moviola.media.video.side_data import side_data_of_frame
from tests.end_to_end.cluster import LocalCluster

LOSSLESS: Final = "ffv1"
COUNTED: Final = tuple(name for name in CODECS if name != LOSSLESS)
JOB_TIMEOUT_S: Final = 900
MATROSKA_ERROR_S: Final = Fraction(1, 2000)
LATE_S: Final = Fraction(1, 2)
WIDTH: Final = 150
"""Characters of the table where it is not printed to a terminal."""

UNUSED_BYTE: Final = ("rgb0", "bgr0", "0rgb", "0bgr")
"""Pixel formats with a byte that means nothing."""

REFUSED: Final = 2
TAKEN: Final = (0, 4)
"""The client's exit statuses for a finished job; 4 where the source is damaged."""


@dataclass(slots=True)
class Film:
    """A file decoded plainly: time in seconds and CRC-32 of the planes of each frame, and whether it is damaged.

    `tick` is the unit of its times, in seconds; `has_clock`: they are readings of an MPEG clock.
    """

    times: list[Fraction | None] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    pixel_format: str = ""
    damaged: bool = False
    tick: Fraction = Fraction(0)
    has_clock: bool = False

    def expected_times(self, rate: Fraction) -> list[Fraction]:
        """As the product promises them: rising by a tick at least, by the rate where there are none.

        They begin at zero where the source begins late, before zero, or by a clock of MPEG.
        """
        if any(time is None for time in self.times):
            return [index / rate for index in range(len(self.times))]
        times = sorted(time for time in self.times if time is not None)
        begins = times[0] if times else Fraction(0)
        shift = -begins if self.has_clock or begins < 0 or begins >= LATE_S else Fraction(0)
        return list(accumulate((time + shift for time in times), lambda before, time: max(time, before + self.tick)))


def plain(name: str) -> str:
    """A pixel format without what is said elsewhere: that its range is full."""
    return name.replace("yuvj", "yuv")


def decode(path: Path, pixel_format: str = "") -> Film:
    """A sequential decode, upright, converted to a pixel format if one is given that is another than the file's."""
    film = Film()
    with av.open(str(path)) as container:
        film.has_clock = container.format.name in ("mpeg", "mpegts")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in _frames(container, stream, film):
            film.pixel_format = film.pixel_format or frame.format.name
            film.damaged |= frame.is_corrupt
            film.tick = frame.time_base or film.tick
            upright = orient(frame, Orientation.of_side_data(side_data_of_frame(frame)))
            if pixel_format and plain(upright.format.name) != plain(pixel_format):
                upright = upright.reformat(format=pixel_format)
            film.times.append(None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base)
            film.checksums.append(_checksum(upright))
    return film


def _frames(container: av.container.InputContainer, stream: av.VideoStream, film: Film) -> Iterator[av.VideoFrame]:
    """Of all packets but the empty ones, which PyAV's decoder takes for the end."""
    for packet in container.demux(stream):
        if packet.size or (packet.pts is None and packet.dts is None):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                film.damaged = True


def _checksum(frame: av.VideoFrame) -> int:
    if frame.format.name in UNUSED_BYTE:
        frame = frame.reformat(format="rgb24")
    crc = zlib.crc32(f"{plain(frame.format.name)} {frame.width}x{frame.height}".encode())
    for index in range(len(frame.planes)):
        crc = zlib.crc32(np.ascontiguousarray(plane_view(frame, index)).data, crc)
    return crc


def sounds(path: Path) -> list[list[bytes]]:
    """The packets of each audio stream; PCM as one, because containers cut it as they like."""
    with av.open(str(path)) as container:
        packets: dict[int, list[bytes]] = {stream.index: [] for stream in container.streams.audio}
        pcm = {one.index for one in container.streams.audio if one.codec_context.name.startswith("pcm")}
        if packets:
            for packet in container.demux(*container.streams.audio):
                if packet.size:
                    packets[packet.stream_index].append(bytes(packet))
    return [[b"".join(packets[index])] if index in pcm else packets[index] for index in packets]


def count_of_video(path: Path) -> list[Fraction]:
    """The time of each video packet that holds a frame, in the order of display."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(one.pts * one.time_base for one in container.demux(stream) if one.size)  # type: ignore[operator]


@dataclass(slots=True)
class Verdict:
    """What was found of one file: a cell for each column, and a sentence for each disagreement."""

    path: Path
    cells: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, column: str, good: str, faults: Sequence[str]) -> None:
        self.cells[column] = f"[red]{len(faults)} wrong[/]" if faults else good
        self.faults += [f"{column}: {fault}" for fault in faults]


class Comparison:
    """One file against what a running cluster makes of it."""

    def __init__(self, cluster: LocalCluster, path: Path) -> None:
        self._cluster, self._path = cluster, path
        self.verdict = Verdict(path)

    def run(self) -> Verdict:
        sent = self._send(LOSSLESS)
        try:
            film = decode(self._path)
        except (av.FFmpegError, IndexError):
            film = Film()
        if sent is None:
            self.verdict.note(
                "frames", "refused", [f"refused, though {len(film.times)} frames decode"] * bool(film.times)
            )
            return self.verdict
        self.verdict.cells["frames"] = str(len(film.times)) + " damaged" * film.damaged
        self._compare_lossless(sent, film)
        for codec in COUNTED:
            self._compare_counted(codec, len(film.times))
        return self.verdict

    def _send(self, codec: str, *arguments: str) -> dict[str, Any] | None:
        """The job's only output, with its metrics; None where the client refuses the file."""
        sender = self._cluster.begin(str(self._path), "--filters", "identity", "--codec", codec, *arguments)
        out, err = sender.communicate(timeout=JOB_TIMEOUT_S)
        if sender.returncode == REFUSED:
            self.verdict.remarks.append(f"refused: {err.strip()}")
            return None
        if sender.returncode not in TAKEN:
            raise RuntimeError(f"{self._path.name}, {codec}: exit status {sender.returncode}\n{out}\n{err}")
        output: dict[str, Any] = json.loads(out)["outputs"][0]
        output["metrics"] = json.loads(Path(output["metrics_path"]).read_text())
        return output

    def _compare_lossless(self, sent: dict[str, Any], film: Film) -> None:
        path = Path(sent["path"])
        back = decode(path)
        if plain(back.pixel_format) != plain(film.pixel_format):
            film = decode(self._path, back.pixel_format)
            self.verdict.remarks.append(f"{film.pixel_format} comes back as {back.pixel_format}, compared as that")
        faults = []
        if len(back.checksums) != len(film.checksums):
            faults.append(f"{len(back.checksums)} of {len(film.checksums)} frames came back")
        pairs = zip(film.checksums, back.checksums, strict=False)
        wrong = [index for index, (one, two) in enumerate(pairs) if one != two]
        if wrong and film.damaged:
            self.verdict.cells["ffv1"] = f"[yellow]{len(wrong)} differ, damaged[/]"
            self.verdict.faults += faults
        else:
            faults += [f"{len(wrong)} frames have other pixels, the first is {wrong[0]}"] if wrong else []
            self.verdict.note("ffv1", "equal", faults)
        self._compare_times("ffv1 times", path, film.expected_times(self._rate()))

    def _rate(self) -> Fraction:
        with av.open(str(self._path)) as container:
            stream = container.streams.video[0]
            return Fraction(stream.average_rate or stream.guessed_rate or 25)

    def _compare_times(self, column: str, path: Path, expected: list[Fraction]) -> None:
        found = count_of_video(path)
        worst = max((abs(one - two) for one, two in zip(expected, found, strict=False)), default=Fraction(0))
        limit = MATROSKA_ERROR_S if path.suffix == ".mkv" else 0
        faults = [f"times are up to {float(worst) * 1000:.3f} ms from the source's"] if worst > limit else []
        self.verdict.note(column, f"{float(worst) * 1000:.3f} ms" if worst else "exact", faults)

    def _compare_counted(self, codec: str, frame_count: int) -> None:
        sent = self._send(codec)
        local = self._send(codec, "--local", "--out", str(self._cluster.folder / f"{codec}.out"))
        if sent is None or local is None:
            self.verdict.note(codec, "", ["refused, though it was taken as ffv1"])
            return
        path = Path(sent["path"])
        faults = []
        if not sent["frames_in"] == sent["frames_out"] == frame_count:
            faults.append(f"{sent['frames_in']} frames in, {sent['frames_out']} out, {frame_count} in the file")
        if sent["digest"] != local["digest"]:
            faults.append(f"digest {sent['digest'][:12]}, that of --local {local['digest'][:12]}")
        self.verdict.note(codec, f"equal, {path.suffix[1:]}", faults)
        self.verdict.remarks += [one for one in sent["metrics"]["warnings"] if one not in self.verdict.remarks]
        self._compare_times(f"{codec} times", path, decode(self._path).expected_times(self._rate()))
        self._compare_sound(f"{codec} sound", path, sent["metrics"]["warnings"])

    def _compare_sound(self, column: str, path: Path, warnings: Sequence[str]) -> None:
        source, back = sounds(self._path), sounds(path)
        if any("stored decoded" in one for one in warnings):
            self.verdict.note(column, "[yellow]as PCM[/]", [] if len(source) == len(back) else ["a stream is missing"])
            return
        faults = [] if len(source) == len(back) else [f"{len(back)} of {len(source)} streams came back"]
        for number, (one, two) in enumerate(zip(source, back, strict=False)):
            if one != two:
                faults.append(f"stream {number}: {len(one)} packets, {len(two)} came back, or with other bytes")
        self.verdict.note(column, "equal" if source else "none", faults)


def columns() -> list[str]:
    return [
        "frames",
        LOSSLESS,
        f"{LOSSLESS} times",
        *(f"{codec}{of}" for codec in COUNTED for of in ("", " times", " sound")),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.real_clips", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument("--workers", type=int, default=3)
    args = parser.parse_args()
    paths = [
        one for path in args.paths for one in (sorted(path.iterdir()) if path.is_dir() else [path]) if one.is_file()
    ]
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    verdicts = []
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(Path(folder), workers=args.workers) as cluster,
    ):
        for path in paths:
            try:
                verdict = Comparison(cluster, path.resolve()).run()
            except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError) as error:
                verdict = Verdict(path, {"frames": "[red]failed[/]"}, [str(error)])
            verdicts.append(verdict)
            outcome = "; ".join(verdict.faults) or "agrees"
            print(f"{len(verdicts)}/{len(paths)} {path.name}: {outcome}", file=sys.stderr, flush=True)
            shutil.rmtree(cluster.results, ignore_errors=True)
    table = Table(title=f"{args.workers} workers")
    table.add_column("file", no_wrap=True)
    for column in columns():
        table.add_column(column)
    for verdict in verdicts:
        table.add_row(verdict.path.name, *(verdict.cells.get(column, "") for column in columns()))
    console.print(table)
    for verdict in verdicts:
        for sentence in (*verdict.faults, *verdict.remarks):
            console.print(escape(f"{verdict.path.name}: {sentence}"), highlight=False, soft_wrap=True)
    failed = [verdict for verdict in verdicts if verdict.faults]
    console.print(f"{len(verdicts) - len(failed)} of {len(verdicts)} files agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
