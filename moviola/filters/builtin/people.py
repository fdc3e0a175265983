"""The filter `people`: finds upright people with the HOG detector that comes with OpenCV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Gray, Picture
from moviola.filters.toolbox.draw import COLOURS, draw_boxes
from moviola.filters.toolbox.finds import Find, inside, note, strongest
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.per_thread import once_per_thread
from moviola.filters.toolbox.structure import doubt

if TYPE_CHECKING:
    from cv2 import HOGDescriptor

# OpenCV's default detector was trained on windows of 64 × 128 pixels in which a person, 96 pixels tall, has 16 pixels
# of ground around (Dalal and Triggs, 2005).
_PERSON = (32, 96)
_MARGIN = 16
_WINDOW = (_PERSON[0] + 2 * _MARGIN, _PERSON[1] + 2 * _MARGIN)
_STRIDE = (8, 8)  # pixels at the size searched: the detector's own cells
_OVERLAP = 0.3  # finds that share more than this of both are one person
_INSIDE = 0.65  # … or this of the smaller one: a torso within a person
_MAGNIFIED = 2.0  # more shows nothing that was not there


@dataclass(frozen=True)
class People(Filter):
    """Draw boxes around people who stand upright and are seen whole, from about 40 pixels tall.

    It misses people who sit, bend, are half hidden or stand close together, and takes some trees, posts and folds for
    people. Where a picture looks drawn (a test pattern, a page of text) it must be surer than elsewhere.

    Note: `boxes`, [x, y, width, height] in pixels, and their `scores`: distances from the plane that separates people
    from everything else, 0 and up.
    """

    name: ClassVar[str] = "people"
    summary: ClassVar[str] = "finds upright people and draws boxes around them"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    detail: int = parameter(
        960, minimum=64, maximum=4096, unit="px", help="long side of the picture searched; more finds smaller people"
    )
    scale: float = parameter(1.15, minimum=1.02, maximum=2.0, help="step between sizes; less finds more, slower")
    score: float = parameter(0.7, minimum=0.0, maximum=10.0, help="how sure a find is at least; more has fewer errors")
    colour: str = parameter("yellow", choices=tuple(COLOURS), help="of the boxes")
    thickness: int = parameter(0, minimum=0, maximum=64, unit="px", help="of the boxes; 0 suits the picture's size")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with boxes drawn, and the boxes and scores in a note."""
        gray = picture.gray
        finds = [find for find in self.candidates(gray) if self.is_sure(gray, find)]
        boxes = [find.box for find in finds]
        return draw_boxes(picture, boxes, self.colour, self.thickness).with_notes(note(self.name, finds))

    def candidates(self, gray: Gray) -> list[Find]:
        """Return what the detector takes for people, each once, sorted by box.

        Args:
            gray: height × width, uint8.
        """
        return strongest(self._search(gray), _OVERLAP, _INSIDE)

    def is_sure(self, gray: Gray, find: Find) -> bool:
        """Return whether a find is as sure as it must be, by what its part of the picture looks like."""
        return find.score >= self.score + _doubt(gray, find)

    def _search(self, gray: Gray) -> Iterator[Find]:
        """All windows that look like a person, at all sizes."""
        height, width = gray.shape
        for factor in self._factors(width, height):
            size = round(width * factor), round(height * factor)
            searched = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
            # the ground around someone who fills the picture lies outside
            searched = cv2.copyMakeBorder(searched, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE)
            corners, scores = _detector().detect(searched, hitThreshold=self.score, winStride=_STRIDE)
            for (x, y), score in zip(corners, scores, strict=True):
                sides = (x, y, *_PERSON)
                yield Find(inside([side / factor for side in sides], width, height), float(score))

    def _factors(self, width: int, height: int) -> Iterator[float]:
        """By what a picture is scaled, down to where someone fills it."""
        least = max(_PERSON[0] / width, _PERSON[1] / height)
        factor = min(_MAGNIFIED, self.detail / max(width, height))
        while factor > least:
            yield factor
            factor /= self.scale
        if least <= _MAGNIFIED:
            yield least


def _doubt(gray: Gray, find: Find) -> float:
    """How much surer than `score` a find must be, by what is seen in its window as the detector has it."""
    x, y, width, height = find.box
    ground = width * _MARGIN // _PERSON[0]
    padded = cv2.copyMakeBorder(
        gray[max(y - ground, 0) : y + height + ground, max(x - ground, 0) : x + width + ground],
        *(max(ground - y, 0), max(y + height + ground - gray.shape[0], 0)),
        *(max(ground - x, 0), max(x + width + ground - gray.shape[1], 0)),
        cv2.BORDER_REPLICATE,
    )
    window: Gray = cv2.resize(padded, _WINDOW, interpolation=cv2.INTER_AREA)
    return doubt(window, window[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


@once_per_thread(maxsize=1)
def _detector() -> HOGDescriptor:
    """Made once per thread."""
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    return detector
