"""Says what the filters `faces` and `pixelate` find in pictures, and how long they leave a face in clips uncovered.

`python -m bench.faces FILES… [--sheets FOLDER]` prints a line a file and writes contact sheets to look at: nobody but
an eye knows whether a box is a face.

What is compared with is made without the filters' rules: YuNet at other sizes than they search at, joined from frame
to frame, and drawn on between two frames in which it was seen. A frame counts as covered where the filter's output
differs from the source, so any chain can be tried, that of an older version included.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moviola.base.packaged_models import YUNET
from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.filters.registry import make_chain
from moviola.filters.runner import ChainRunner

Box = tuple[float, float, float, float]
Image3 = NDArray[np.uint8]

REFERENCE_SIZES: Final = (0.5, 0.8, 1.25)
"""Sizes at which the reference searches, as multiples of 640 pixels, the long side that filters search by default."""

REFERENCE_SCORE: Final = 0.6
GAP_MOST: Final = 25
"""The most frames between two finds of one face for which its place is interpolated."""

FINDS_LEAST: Final = 5
"""The least number of frames in which a face must be found to count. What appears for fewer frames is only on the
sheets, to be looked at."""

SHARED_LEAST: Final = 0.3
"""Two boxes are taken for one face if their intersection is at least this part of their union."""

COVERED_LEAST: Final = 0.7
"""A face counts as covered where at least this part of its pixels differs from the source's. Blocks leave about one in
ten as it is, by chance."""

TILE: Final = (320, 240)
TILES: Final = 40
COLUMNS: Final = 8


@dataclass(slots=True)
class Seen:
    """One face through a clip: frame → box."""

    boxes: dict[int, Box] = field(default_factory=dict)
    found: int = 0

    def add(self, at: int, box: Box) -> None:
        last = max(self.boxes, default=at)
        before = self.boxes.get(last, box)
        for between in range(last + 1, at):
            share = (between - last) / (at - last)
            values = [old + share * (new - old) for old, new in zip(before, box, strict=True)]
            self.boxes[between] = (values[0], values[1], values[2], values[3])
        self.boxes[at] = box
        self.found += 1

    def is_at(self, place: tuple[int, int]) -> bool:
        """Return whether the place, x and y in pixels, lies in it in most frames."""
        x, y = place
        inside = sum(
            left <= x < left + width and top <= y < top + height for left, top, width, height in self.boxes.values()
        )
        return 2 * inside > len(self.boxes)


class Reference:
    """Finds faces at several sizes."""

    def __init__(self, model: bytes) -> None:
        weights, nothing = np.frombuffer(model, np.uint8), np.zeros(0, np.uint8)
        self._nets = [
            cv2.FaceDetectorYN.create("onnx", weights, nothing, (32, 32), REFERENCE_SCORE, 0.3, 5000)
            for _ in REFERENCE_SIZES
        ]

    def find(self, bgr: Image3) -> list[Box]:
        found: list[tuple[float, Box]] = []
        for net, size in zip(self._nets, REFERENCE_SIZES, strict=True):
            factor = 640 * size / max(bgr.shape[:2])
            way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            searched = cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=way)
            net.setInputSize((searched.shape[1], searched.shape[0]))
            _, rows = net.detect(searched)
            for row in () if rows is None else rows[np.isfinite(rows).all(axis=1)].tolist():
                x, y, width, height = (side / factor for side in row[:4])
                found.append((row[-1], (x, y, width, height)))
        kept: list[Box] = []
        for _, box in sorted(found, reverse=True):
            if all(shared(box, other) < SHARED_LEAST for other in kept):
                kept.append(box)
        return kept


def shared(one: Box, other: Box) -> float:
    """Return the intersection of two boxes as a share of their union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def frames(path: Path, most: int | None) -> Iterator[av.VideoFrame]:
    """Yield the first frames of a clip."""
    with av.open(str(path)) as file:
        yield from islice(file.decode(video=0), most)


def truth(path: Path, most: int | None, reference: Reference) -> list[Seen]:
    """Return the faces of a clip."""
    faces: list[Seen] = []
    for at, frame in enumerate(frames(path, most)):
        open_ones = [(max(face.boxes), face) for face in faces if at - max(face.boxes) <= GAP_MOST]
        for box in reference.find(Picture(frame).bgr):
            near = [(shared(face.boxes[last], box), face) for last, face in open_ones if last < at]
            best, face = max(near, key=lambda pair: pair[0], default=(0.0, None))
            if face is None or best < SHARED_LEAST or at in face.boxes:
                face = Seen()
                faces.append(face)
            face.add(at, box)
    return [face for face in faces if face.found >= FINDS_LEAST]


def covered_share(changed: NDArray[np.bool_], box: Box) -> float:
    """Return the share of a box's pixels within the picture that differ from the source's; 1 of none."""
    x, y, width, height = (round(side) for side in box)
    part = changed[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    return float(part.mean()) if part.size else 1.0


def longest_run(frames_of_one: Sequence[int]) -> int:
    """Return the length of the longest run of numbers that follow each other."""
    longest = run = 0
    for before, at in zip([-2, *frames_of_one], frames_of_one, strict=False):
        run = run + 1 if at == before + 1 else 1
        longest = max(longest, run)
    return longest


def clip(path: Path, options: argparse.Namespace, reference: Reference) -> str:
    """Return a line about a clip, and draw frames of it."""
    most, chain, sheets = options.most, options.clips, options.sheets
    faces = [face for face in truth(path, most, reference) if not any(face.is_at(place) for place in options.no_face)]
    runner = ChainRunner(make_chain(parse_chain(chain)))
    bare: dict[int, list[int]] = {number: [] for number in range(len(faces))}
    count = with_faces = noted = missed = 0
    tiles: list[tuple[bool, Image3]] = []
    for count, frame in enumerate(frames(path, most), 1):
        at = count - 1
        picture = Picture(frame, index=at)
        output = runner.run(picture)
        note = output.notes[-1] if output.notes else {}
        noted += bool(note.get("boxes"))
        missed += bool(note.get("missed"))
        changed = np.asarray(picture.planes[0] != output.planes[0])
        changed = changed.any(axis=2) if changed.ndim == 3 else changed
        there = [(number, face.boxes[at]) for number, face in enumerate(faces) if at in face.boxes]
        with_faces += bool(there)
        uncovered = [number for number, box in there if covered_share(changed, box) < COVERED_LEAST]
        for number in uncovered:
            bare[number].append(at)
        if sheets is not None and (uncovered or at % 25 == 0):
            tiles.append((bool(uncovered), tile(output.bgr, [box for _, box in there], f"{at}")))
    if sheets is not None:
        bad = [each for is_bad, each in tiles if is_bad][: TILES // 2]
        good = [each for is_bad, each in tiles if not is_bad]
        step = max(1, len(good) // (TILES - len(bad)))
        write_sheet(sheets / f"{path.stem}.png", [*bad, *good[::step]])
    face_frames = sum(len(face.boxes) for face in faces)
    total = sum(map(len, bare.values()))
    longest = max((longest_run(each) for each in bare.values()), default=0)
    return (
        f"{path.name:42} {count:5} frames, {with_faces:5} with faces ({noted:5} by the filter); of {face_frames:5} "
        f"faces in frames {total:4} uncovered, {longest:3} in a row at most"
    )


def picture(path: Path, chain: str, sheet: list[Image3]) -> str:
    """Return a line about a picture, and draw it."""
    with Image.open(path) as opened:
        rgb = np.asarray(opened.convert("RGB"))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    note: Any = ChainRunner(make_chain(parse_chain(chain))).run(Picture(frame)).notes[-1]
    scored = sorted(note["scores"], reverse=True)
    sheet.append(tile(rgb[..., ::-1], note["boxes"], path.name))
    return f"{path.name:42} {len(scored):3} faces  {' '.join(f'{score:.2f}' for score in scored)}"


def tile(bgr: Image3, boxes: Sequence[Sequence[float]], label: str) -> Image3:
    """Return a small picture with boxes and a label."""
    factor = min(TILE[0] / bgr.shape[1], TILE[1] / bgr.shape[0])
    size = max(1, round(bgr.shape[1] * factor)), max(1, round(bgr.shape[0] * factor))
    small = cv2.resize(np.ascontiguousarray(bgr), size, interpolation=cv2.INTER_AREA)
    for box in boxes:
        x, y, width, height = (round(side * factor) for side in box)
        cv2.rectangle(small, (x, y), (x + width, y + height), (0, 255, 0), 1)
    cv2.putText(small, label, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1)
    framed = np.zeros((TILE[1], TILE[0], 3), np.uint8)
    framed[: small.shape[0], : small.shape[1]] = small
    return framed


def write_sheet(path: Path, tiles: Sequence[Image3]) -> None:
    """Write tiles in rows as one picture."""
    empty = np.zeros((TILE[1], TILE[0], 3), np.uint8)
    filled = [*tiles, *[empty] * (-len(tiles) % COLUMNS)]
    rows = [np.hstack(filled[start : start + COLUMNS]) for start in range(0, len(filled), COLUMNS)]
    if rows:
        cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faces", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="pictures and clips")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--pictures", default="faces", help="chain for pictures (%(default)s)")
    parser.add_argument("--clips", default="pixelate:faces=true", help="chain for clips (%(default)s)")
    parser.add_argument(
        "--no-face",
        action="append",
        default=[],
        type=lambda text: tuple(map(int, text.split(","))),
        metavar="X,Y",
        help="a place in pixels where the comparison sees a face and you see none on the sheet; may be repeated",
    )
    parser.add_argument("--most", type=int, help="frames of a clip; all if not given")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    reference = Reference(YUNET.read())
    sheet: list[Image3] = []
    if options.sheets is not None:
        options.sheets.mkdir(parents=True, exist_ok=True)
    for path in options.files:
        try:
            print(picture(path, options.pictures, sheet), flush=True)
        except (OSError, ValueError):
            try:
                print(clip(path, options, reference), flush=True)
            except av.FFmpegError as error:
                print(f"{path.name:42} cannot be read: {error}", flush=True)
    if options.sheets is not None and sheet:
        write_sheet(options.sheets / "pictures.png", sheet)


if __name__ == "__main__":
    main()
