"""Draws what the everyday filters make of each of some clips: `python -m tools.contact_sheet CLIP_OR_FOLDER...`.

One row a clip: a frame as it was, and as blur, faces, edges and motion sent it back, with the clip's name and where it
is from. The frame is a typical one: the middle one of those in which the most filters found something. Above the
panels of filters that search stands in how many of the frames they did.

Who made a clip is taken from a MANIFEST.tsv in its folder or the one above, with columns `file`, `licence`, `source`.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from moviola.base.processes import program
from tools.lettering import save, write

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("contact_sheet.webp")
MANIFEST: Final = "MANIFEST.tsv"
FILTERS: Final = ("identity", "blur", "faces", "edges", "motion")
"""The first is the source, turned upright."""

PANEL_WIDTH: Final = 240
TITLE_HEIGHT: Final = 16
CREDIT_HEIGHT: Final = 38
MAX_HEIGHT: Final = 4000
"""The height in pixels that the sheet should have at most: rows that do not fit go into further columns."""

PAPER: Final = 248
INK: Final = (40, 40, 40)
FAILED: Final = 2
"""The client's exit status for a file that is no video."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Finds:
    """What a filter that searches found: the frames of a clip with boxes, and how many boxes in each."""

    boxes: dict[int, int]
    frame_count: int

    def title(self, frame: int) -> str:
        return f"{self.boxes.get(frame, 0)} here, in {len(self.boxes)} of {self.frame_count} frames"


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and of each folder the files in it, without the manifest and hidden files."""
    for path in paths:
        if path.is_dir():
            inside = (one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith("."))
            yield from (one for one in inside if one.name != MANIFEST)
        else:
            yield path


def credit(path: Path) -> str:
    """Return the licence and the source of a clip; empty if no manifest names it."""
    for folder in (path.parent, path.parent.parent):
        if (folder / MANIFEST).is_file():
            with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
                for entry in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    if Path(entry["file"]).name == path.name:
                        return f"{entry['licence']}, {entry['source']}"
    return ""


def row(path: Path) -> Pixels | None:
    """Return the row of a clip, BGR; None where the file cannot be taken. Raises CalledProcessError if a job fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*program("client.file_sender"), str(path), "--local", "--quiet", "--no-manifest", "--out", folder]
        command += ["--preset", "ultrafast", *(word for name in FILTERS for word in ("--filters", name))]
        done = subprocess.run(command, cwd=ROOT, check=False)
        if done.returncode == FAILED:
            return None
        if done.returncode not in (0, 4):  # 4: the source is damaged in places
            done.check_returncode()
        outputs = {name: next(one for one in Path(folder).glob(f"{name}.m*") if one.suffix != ".json")
                   for name in FILTERS}  # fmt: skip
        finds = {name: found for name, output in outputs.items() if (found := finds_of(output)) is not None}
        frame = typical(list(finds.values()))
        titles = {name: f"{name}: {found.title(frame)}" for name, found in finds.items()}
        titles["identity"] = f"frame {frame}"
        panels = [panel(frame_of(output, frame), titles.get(name, name)) for name, output in outputs.items()]
    strip = np.hstack(panels)
    return np.vstack([strip, caption(path, strip.shape[1])])


def finds_of(output: Path) -> Finds | None:
    """Return what the notes beside a finished file say; None if there are none, because its filter does not search."""
    notes = output.with_name(f"{output.stem}.annotations.jsonl")
    if not notes.exists():
        return None
    boxes: dict[int, int] = {}
    frames = set()
    for line in notes.read_text(encoding="utf-8").splitlines():
        note = json.loads(line)
        frames.add(note["frame"])
        if note.get("boxes"):
            boxes[note["frame"]] = boxes.get(note["frame"], 0) + len(note["boxes"])
    return Finds(boxes, len(frames))


def typical(finds: Sequence[Finds]) -> int:
    """Return the middle one of the frames in which the most filters found something; the middle one of all frames if
    none did."""
    votes: dict[int, int] = {}
    for one in finds:
        for frame in one.boxes:
            votes[frame] = votes.get(frame, 0) + 1
    most = max(votes.values(), default=0)
    frames = sorted(frame for frame, count in votes.items() if count == most)
    frames = frames or list(range(max((one.frame_count for one in finds), default=1)))
    return frames[len(frames) // 2]


def frame_of(path: Path, index: int) -> Pixels:
    """A frame as BGR uint8 (height, width, 3), with square pixels."""
    with av.open(str(path)) as container:
        for at, frame in enumerate(container.decode(video=0)):
            if at == index:
                aspect = float(container.streams.video[0].sample_aspect_ratio or 1)
                picture = cv2.resize(frame.to_ndarray(format="bgr24"), None, fx=aspect, fy=1)
                return picture.astype(np.uint8)
    raise ValueError(f"{path} has no frame {index}")


def panel(picture: Pixels, title: str) -> Pixels:
    """A picture of panel width below its title."""
    height = round(picture.shape[0] * PANEL_WIDTH / picture.shape[1])
    small = cv2.resize(picture, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA)
    head = np.full((TITLE_HEIGHT, PANEL_WIDTH, 3), PAPER, np.uint8)
    write(head, title, left=2, baseline=12, size=11, colour=INK)
    return np.vstack([head, small]).astype(np.uint8)


def caption(path: Path, width: int) -> Pixels:
    strip = np.full((CREDIT_HEIGHT, width, 3), PAPER, np.uint8)
    write(strip, path.name, left=2, baseline=14, size=13, colour=INK)
    write(strip, credit(path), left=2, baseline=29, size=11, colour=INK)
    return strip


def page_of(rows: Sequence[Pixels]) -> Pixels:
    """The rows in as few columns of equal height as MAX_HEIGHT allows."""
    count = -(-sum(len(one) for one in rows) // MAX_HEIGHT)
    share = sum(len(one) for one in rows) / count
    columns: list[list[Pixels]] = [[] for _ in range(count)]
    above = 0
    for one in rows:
        columns[min(count - 1, int((above + len(one) / 2) / share))].append(one)
        above += len(one)
    height = max(sum(len(one) for one in column) for column in columns)
    gap = PANEL_WIDTH // 10
    pitch = len(FILTERS) * PANEL_WIDTH + gap
    page = np.full((height, count * pitch - gap, 3), PAPER, np.uint8)
    for number, column in enumerate(columns):
        strip = np.vstack(column)
        page[: len(strip), number * pitch : (number + 1) * pitch - gap] = strip
    return page


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.contact_sheet", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP_OR_FOLDER")
    parser.add_argument("--out", type=Path, default=PAGE, help=f"the picture ({PAGE})")
    args = parser.parse_args()
    rows: list[Pixels] = []
    for path in files_in(args.clips):
        drawn = row(path)
        if drawn is None:
            continue  # the client has said why
        print(path.name, flush=True)
        rows.append(drawn)
    if not rows:
        print("No clip could be taken: name videos, or a folder with videos.", file=sys.stderr)
        return 2
    save(page_of(rows), args.out)
    print(f"wrote {args.out}: {len(rows)} clips, {args.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
