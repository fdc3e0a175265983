"""Faces, found by the Haar cascades that come with OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from filters.base import Filter, parameter
from filters.draw import COLOURS, Box, draw_boxes
from filters.opencv import cv2
from filters.picture import Gray, Picture

if TYPE_CHECKING:
    from cv2 import CascadeClassifier

# One cascade alone sees faces in clocks, badges and sleeves. The first one searches the whole picture; two that were
# trained in other ways then look at each find alone, and all must agree.
_SEARCH = "haarcascade_frontalface_alt2.xml"
_CONFIRM = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt.xml")

_SEARCH_MIN = 20  # pixels: the size the cascades were trained at
_CONFIRM_SIZE = 48  # pixels: what a find is scaled to, so that the second look costs the same for all
_CONFIRM_MARGIN = 0.25  # of the find's size, on each side
_CONFIRM_SCALE = 1.05
_CONFIRM_SPAN = (0.6, 1.5)  # a confirming face is this much of the find's size


@dataclass(frozen=True)
class Faces(Filter):
    """Draws boxes around upright frontal faces; the note has them as `boxes`, [x, y, width, height] in pixels."""

    name: ClassVar[str] = "faces"
    summary: ClassVar[str] = "finds faces and draws boxes around them"

    detail: int = parameter(
        480, minimum=64, maximum=4096, unit="px", help="long side of the picture searched; more finds smaller faces"
    )
    scale: float = parameter(1.2, minimum=1.02, maximum=2.0, help="step between sizes; less finds more, slower")
    neighbors: int = parameter(2, minimum=1, maximum=20, help="agreeing hits that make a find")
    confirm: int = parameter(4, minimum=0, maximum=20, help="hits that two more detectors need; 0 asks none")
    min_size: int = parameter(20, minimum=1, maximum=4096, unit="px", help="smallest face, in the source's pixels")
    colour: str = parameter("green", choices=tuple(COLOURS), help="of the boxes")
    thickness: int = parameter(0, minimum=0, maximum=64, unit="px", help="of the boxes; 0 suits the picture's size")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        boxes = self._find(picture.gray)
        note = {"filter": self.name, "boxes": [list(box) for box in boxes]}
        return draw_boxes(picture, boxes, self.colour, self.thickness).with_notes(note)

    def _find(self, gray: Gray) -> list[Box]:
        height, width = gray.shape
        shrink = min(1.0, self.detail / max(height, width))
        small = gray
        if shrink < 1:
            small = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        least = max(_SEARCH_MIN, round(self.min_size * shrink))
        if min(small.shape) < least:
            return []
        finds = _cascade(_SEARCH).detectMultiScale(
            cv2.equalizeHist(small), self.scale, self.neighbors, minSize=(least, least)
        )
        boxes = [_cut(tuple(round(float(side) / shrink) for side in find), width, height) for find in finds]
        return sorted(box for box in boxes if all(self._confirmed(gray, box, name) for name in _CONFIRM))

    def _confirmed(self, gray: Gray, box: Box, cascade: str) -> bool:
        if self.confirm == 0:
            return True
        x, y, width, height = box
        margin = round(_CONFIRM_MARGIN * width)
        region = gray[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
        factor = _CONFIRM_SIZE / width
        region = cv2.resize(region, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        least, most = (round(share * _CONFIRM_SIZE) for share in _CONFIRM_SPAN)
        hits = _cascade(cascade).detectMultiScale(
            cv2.equalizeHist(region), _CONFIRM_SCALE, self.confirm, minSize=(least, least), maxSize=(most, most)
        )
        return len(hits) > 0


def _cut(sides: Sequence[int], width: int, height: int) -> Box:
    """The part of a box inside the picture: rounding may have pushed it over the border."""
    x, y, box_width, box_height = sides
    x, y = min(x, width - 1), min(y, height - 1)
    return x, y, min(box_width, width - x), min(box_height, height - y)


@lru_cache(maxsize=8)
def _cascade(name: str) -> CascadeClassifier:
    """Loaded once per process. A cascade is not to be used by two threads at once; a worker computes in one."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + name)  # type: ignore[attr-defined]
    if cascade.empty():
        raise RuntimeError(f"OpenCV has no {name}; moviola needs opencv-python-headless before 5.0")
    return cascade
