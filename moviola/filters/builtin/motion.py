"""The filter `motion`: finds what moved since the previous frame, and draws boxes around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Gray, Picture
from moviola.filters.toolbox.draw import COLOURS, Box, draw_boxes
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.scaling import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DETAIL = 480  # pixels: long side of the picture compared; noise averages out, and the cost is bounded
_NOISE_KERNEL = (5, 5)  # removes what is left of noise and of compression's ringing
_JOIN_KERNEL = (9, 9)  # joins the two edges of a moving thing
_CELLS = 16  # per side: where changes are spread over many of these, the camera moved, not something before it
_CELL_CHANGED = 0.01  # share of a cell's samples
_CELLS_MOVING = 0.05  # share of cells from which a change of exposure or a moved camera is worth a look
_CELLS_GLOBAL = 0.6  # share of cells from which boxes would say nothing
_EXPLAINED = 0.5  # exposure or camera explain the change when they leave at most this share of it
_CAMERA_SLACK = (5, 5)  # samples: how exactly a shift stands for a camera that turns and zooms a little as well
_MIN_SIDE = 16  # samples: smaller pictures have no camera movement to find


@dataclass(frozen=True)
class Motion(Filter):
    """Draw boxes around what differs from the previous frame.

    A change of exposure and a shift of the camera are compensated first. A change of the whole picture (a cut, a pan
    with depth, a flash) gets no boxes.

    Note: `score`, the share of the picture that changed, 0..1; `boxes`, [x, y, width, height] in pixels; `global`, true
    if the whole picture changed.
    """

    name: ClassVar[str] = "motion"
    summary: ClassVar[str] = "finds what moved since the frame before and draws boxes around it"
    context: ClassVar[int] = 1
    interlaced: ClassVar[str] = Interlacing.KEEPS

    threshold: int = parameter(20, minimum=1, maximum=255, help="change of brightness (of 255) that counts")
    min_area: float = parameter(0.1, minimum=0.0, maximum=100.0, unit="% of the picture", help="smallest thing boxed")
    colour: str = parameter("red", choices=tuple(COLOURS), help="of the boxes")
    thickness: int = parameter(0, minimum=0, maximum=64, unit="px", help="of the boxes; 0 suits the picture's size")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with boxes drawn, and score and boxes in a note."""
        before = earlier[-1] if earlier else picture
        if (before.width, before.height) != (picture.width, picture.height):
            before = picture
        score, boxes, whole = self._compare(before, picture)
        note = {"filter": self.name, "score": score, "boxes": [list(box) for box in boxes], "global": whole}
        return draw_boxes(picture, boxes, self.colour, self.thickness).with_notes(note)

    def _compare(self, before: Picture, after: Picture) -> tuple[float, list[Box], bool]:
        """Changed share of the picture, boxes, and whether the whole picture changed."""
        old, new = _small(before), _small(after)
        black, white = after.gray_levels
        threshold = self.threshold * (white - black) / 255
        changed = _changed(old, new, threshold)
        if _spread(changed) > _CELLS_MOVING:
            old, changed = _without_exposure(old, new, threshold, changed)
        if _spread(changed) > _CELLS_MOVING:
            changed = _without_camera(old, new, threshold, changed)
        score = round(cv2.countNonZero(changed) / changed.size, 6)
        if _spread(changed) > _CELLS_GLOBAL:
            return score, [], True
        return score, self._boxes(changed, after), False

    def _boxes(self, changed: Gray, picture: Picture) -> list[Box]:
        height, width = changed.shape
        joined = cv2.dilate(changed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, _JOIN_KERNEL))
        contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        least = self.min_area / 100 * changed.size
        found = [cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) >= least]
        across, down = picture.width / width, picture.height / height
        boxes = []
        for x, y, box_width, box_height in _merged(found, changed.shape):
            left, top = round(x * across), round(y * down)
            right, bottom = round((x + box_width) * across), round((y + box_height) * down)
            boxes.append((left, top, right - left, bottom - top))
        return sorted(boxes)


def _small(picture: Picture) -> Gray:
    """The brightness, shrunk and without noise; kept with the picture, which is looked at twice."""
    return picture.memo("motion", lambda: _shrink(picture.gray))


def _shrink(gray: Gray) -> Gray:
    factor = min(1.0, _DETAIL / max(gray.shape))
    if factor < 1:
        gray = shrunk(gray, factor)
    return cv2.GaussianBlur(gray, _NOISE_KERNEL, 0)


def _changed(old: Gray, new: Gray, threshold: float) -> Gray:
    """255 where brightness changed by more than the threshold beyond what it changed everywhere, 0 elsewhere."""
    difference = new.astype(np.int16) - old
    everywhere = int(np.median(difference))
    mask: NDArray[Any] = (np.abs(difference - everywhere) > threshold).astype(np.uint8) * 255
    return mask


def _spread(changed: Gray) -> float:
    """The share of cells of a grid over the picture in which something changed."""
    cells = cv2.resize(changed, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return float(np.mean(cells > 255 * _CELL_CHANGED))


def _without_exposure(old: Gray, new: Gray, threshold: float, changed: Gray) -> tuple[Gray, Gray]:
    """The old picture as it would look in the new one's exposure, and the changes that are left; both as they were
    where no exposure explains most."""
    before, after = old.astype(np.float32), new.astype(np.float32)
    gain, offset = _line(before, after)
    usual = np.abs(gain * before + offset - after) <= threshold  # without what moved, the line fits better
    if usual.any():
        gain, offset = _line(before[usual], after[usual])
    table = np.clip(np.rint(gain * np.arange(256) + offset), 0, 255).astype(np.uint8)
    exposed = cv2.LUT(old, table)
    left = _changed(exposed, new, threshold)
    if cv2.countNonZero(left) > _EXPLAINED * cv2.countNonZero(changed):
        return old, changed
    return exposed, left


def _line(before: NDArray[Any], after: NDArray[Any]) -> tuple[float, float]:
    """Gain and offset of the least-squares line from samples before to samples after."""
    middle, variance = float(before.mean()), float(before.var())
    gain = float(((before - middle) * after).mean()) / variance if variance > 0 else 1.0
    return gain, float(after.mean()) - gain * middle


def _without_camera(old: Gray, new: Gray, threshold: float, changed: Gray) -> Gray:
    """The changes that are left when the old picture is shifted as the camera was; all of them where no shift
    explains most."""
    height, width = old.shape
    if min(height, width) < _MIN_SIDE:
        return changed
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(old.astype(np.float32), new.astype(np.float32), window)
    edge_x, edge_y = ceil(abs(right)) + 1, ceil(abs(down)) + 1
    if 2 * edge_x >= width or 2 * edge_y >= height:
        return changed
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    shifted = cv2.warpAffine(old, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    left = _inside(_changed(shifted, new, threshold), edge_x, edge_y)
    if cv2.countNonZero(left) > _EXPLAINED * cv2.countNonZero(changed):
        return changed
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, _CAMERA_SLACK)
    nearest = np.clip(new, cv2.erode(shifted, kernel), cv2.dilate(shifted, kernel))
    return _inside(_changed(nearest, new, threshold), edge_x, edge_y)


def _inside(changed: Gray, edge_x: int, edge_y: int) -> Gray:
    """The changes without the borders, where the shift uncovered what was not there to compare."""
    kept = np.zeros_like(changed)
    inner = np.s_[edge_y:-edge_y, edge_x:-edge_x]
    kept[inner] = changed[inner]
    return kept


def _merged(boxes: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Sequence[Sequence[int]]:
    """Boxes that overlap or touch become one, until none do."""
    while True:
        canvas = np.zeros(shape, np.uint8)
        for x, y, width, height in boxes:
            canvas[y : y + height, x : x + width] = 255
        contours, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if len(contours) == len(boxes):
            return boxes
        boxes = [cv2.boundingRect(contour) for contour in contours]
