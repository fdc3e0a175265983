"""Finds faces with the Haar cascades that come with OpenCV: fast and always available, for upright heads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moviola.filters.picture import Gray
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import Find, grown, inside, shared
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.per_thread import once_per_thread
from moviola.filters.toolbox.scaling import shrunk

if TYPE_CHECKING:
    from cv2 import CascadeClassifier

# One cascade alone sees faces in clocks, badges and sleeves. The first one searches the whole picture; two that were
# trained in other ways then look at each find alone, and all must agree.
_SEARCH = "haarcascade_frontalface_alt2.xml"
_CONFIRM = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt.xml")
_PROFILE = "haarcascade_profileface.xml"  # of heads turned to one side; the other side is searched in a mirror

MIN_SEARCH = 20  # pixels: the size the cascades were trained at
USUAL = 640  # pixels: long side at which a picture is searched where nothing is said, for faces of a 32nd of it
_CONFIRM_SIZE = 48  # pixels: what a find is scaled to, so that the second look costs the same for all
_CONFIRM_MARGIN = 0.25  # of the find's size, on each side
_CONFIRM_SCALE = 1.05
_CONFIRM_SPAN = (0.6, 1.5)  # a confirming face is this much of the find's size
_CONFIRM_SHARED = 0.5  # … and shares this much of what both cover, or it is another face


@dataclass(frozen=True, slots=True)
class Search:
    """How to search. The parameters of the filter `faces` explain each field.

    Attributes:
        scale: step between the sizes that are searched.
        neighbors: agreeing hits that make a find.
        confirm: hits that two more cascades need; 0 asks none.
        min_size: smallest face in pixels of the source; it decides at which size the picture is searched. 0 for a 32nd
            of its long side.
        profiles: search for heads turned to a side, instead of those turned to the camera.
        detail: share of the size at which the picture is searched otherwise: less is quicker, and misses small faces.
    """

    scale: float
    neighbors: int
    confirm: int = 0
    min_size: int = 0
    profiles: bool = False
    detail: float = 1.0


def find_faces(gray: Gray, search: Search) -> list[Find]:
    """Return the faces in an image; duplicates are not removed. A score is the number of agreeing hits.

    Args:
        gray: height × width, uint8.
        search: how to search.
    """
    height, width = gray.shape
    wanted = max(height, width) * MIN_SEARCH / search.min_size if search.min_size else USUAL
    shrink = min(1.0, round(wanted * search.detail) / max(height, width))
    small = shrunk(gray, shrink) if shrink < 1 else gray
    least = max(MIN_SEARCH, round(search.min_size * shrink))
    if min(small.shape) < least:
        return []
    small = cv2.equalizeHist(small)
    hits = _hits(_PROFILE if search.profiles else _SEARCH, small, search, least)
    if search.profiles:
        mirrored = _hits(_PROFILE, cv2.flip(small, 1), search, least)
        hits += [((small.shape[1] - x - side, y, side, other), count) for (x, y, side, other), count in mirrored]
    finds = [Find(inside([side / shrink for side in box], width, height), count) for box, count in hits]
    if search.confirm == 0:
        return finds
    confirmed = (Find(box, _confirming(gray, box, search.confirm)) for box, _ in finds)
    return [find for find in confirmed if find.score > 0]


def _hits(cascade: str, gray: Gray, search: Search, least: int) -> list[tuple[Box, int]]:
    boxes, counts = _cascade(cascade).detectMultiScale2(gray, search.scale, search.neighbors, minSize=(least, least))
    return [(_box(box), int(count)) for box, count in zip(boxes, counts, strict=True)]


def _confirming(gray: Gray, box: Box, least: int) -> int:
    """Return how many hits the confirming cascade with fewer hits has; 0 if one of the two has fewer than `least`."""
    left, top, width, height = grown(box, _CONFIRM_MARGIN, gray.shape[1], gray.shape[0])
    factor = _CONFIRM_SIZE / box[2]
    region = gray[top : top + height, left : left + width]
    region = cv2.equalizeHist(cv2.resize(region, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR))
    smallest, largest = (round(share * _CONFIRM_SIZE) for share in _CONFIRM_SPAN)
    found = round((box[0] - left) * factor), round((box[1] - top) * factor), _CONFIRM_SIZE, _CONFIRM_SIZE
    fewest = 0
    for position, cascade in enumerate(_CONFIRM):
        hits, counts = _cascade(cascade).detectMultiScale2(
            region, _CONFIRM_SCALE, least, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        agreeing = [int(count) for hit, count in zip(hits, counts, strict=True) if _agrees(_box(hit), found)]
        if not agreeing:
            return 0
        fewest = min(fewest, max(agreeing)) if position else max(agreeing)
    return fewest


def _box(sides: Sequence[int]) -> Box:
    x, y, width, height = (int(side) for side in sides)
    return x, y, width, height


def _agrees(one: Box, other: Box) -> bool:
    both = shared(one, other)
    return both > _CONFIRM_SHARED * (one[2] * one[3] + other[2] * other[3] - both)


@once_per_thread(maxsize=8)
def _cascade(name: str) -> CascadeClassifier:
    """Return a cascade, loaded once per thread: it keeps the picture that it searches, so no two threads may share
    one."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + name)  # type: ignore[attr-defined]
    if cascade.empty():
        raise RuntimeError(f"OpenCV has no {name}; moviola needs opencv-python-headless before 5.0")
    return cascade
