"""How detectors write down what they found: the layouts of their outputs, and which of them one has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moviola.base.arrays import np
from moviola.filters.toolbox.networks.runtime import NetworkError
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUTO: Final = "auto"
COLUMNS, OBJECTNESS, BOXES, CENTERS = "yolov8", "yolov5", "boxes", "centernet"
LAYOUTS: Final = (AUTO, COLUMNS, OBJECTNESS, BOXES, CENTERS)

_STRIDES: Final = ((8, 16, 32), (8, 16, 32, 64))  # pixels of the input for each of a YOLO network's cells
_ANCHORS: Final = 3  # boxes for each cell, of those with objectness
_PLACE: Final = 4  # numbers that say where a box is
_LISTED: Final = 6  # numbers of a box that is told with score and class
_MAX_LISTED: Final = 1000  # rows of boxes that are told so: 100 or 300 as a rule
_SLACK: Final = 1.001  # scores of half floats are a little above 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before the weak and the double ones are left out.

    Attributes:
        boxes: float64, count × 4: left, top, right, bottom in pixels of the network's input.
        scores: float64, count.
        classes: int64, count.
        are_final: True if the network has left out double ones.
    """

    boxes: NDArray[Any]
    scores: NDArray[Any]
    classes: NDArray[Any]
    are_final: bool = False


Named = Sequence[tuple[str, "NDArray[Any]"]]
"""A network's outputs, each with its name."""


def layout_of(outputs: Named, size: tuple[int, int], class_count: int) -> str:
    """Return the layout of outputs by their shapes, and of maps by their names; empty if they do not tell.

    Args:
        outputs: of a picture of `size`.
        size: width and height of the network's input in pixels.
        class_count: how many classes the network knows; 0 if not known.
    """
    if _maps(outputs) is not None:
        return CENTERS
    table = _table(outputs)
    if table is None:
        return ""
    rows, columns = table.shape
    cells = [sum((size[0] // step) * (size[1] // step) for step in steps) for steps in _STRIDES]
    if class_count and rows in cells and columns in (_PLACE + class_count, _PLACE + 1 + class_count):
        return COLUMNS if columns == _PLACE + class_count else OBJECTNESS
    if _PLACE < rows < columns:
        return COLUMNS
    if rows in [_ANCHORS * count for count in cells] and columns > _PLACE + 1:
        return OBJECTNESS
    if columns == _LISTED and rows <= _MAX_LISTED and rows not in cells:
        return BOXES
    return ""


def candidates_of(layout: str, outputs: Named, size: tuple[int, int], class_count: int, logits: bool) -> Candidates:
    """Return the boxes that a network tells of.

    Args:
        layout: one of `LAYOUTS`, but not `AUTO`.
        outputs: of a picture of `size`.
        size: width and height of the network's input in pixels.
        class_count: how many classes the network knows; 0 if not known.
        logits: the network gives logits: a score is the sigmoid of what it gives.

    Raises:
        NetworkError: the outputs have another layout, or values that cannot be.
    """
    if not all(bool(np.isfinite(each).all()) for _, each in outputs):
        raise NetworkError("gives values that are no numbers (NaN) for this picture; check values, mean and std")
    if layout == CENTERS:
        return _of_maps(outputs, size, logits)
    table = _table(outputs)
    least = {COLUMNS: _PLACE + 1, OBJECTNESS: _PLACE + 2, BOXES: _LISTED}[layout]
    if table is not None and layout == COLUMNS and _is_lying(table.shape, class_count):
        table = table.T
    if table is None or table.shape[1] < least or (layout == BOXES and table.shape[1] != _LISTED):
        raise NetworkError(f"gives outputs of shape {shown(outputs)}, which is not the layout {layout}")
    table = table.astype(np.float64)
    if layout == BOXES:
        return Candidates(table[:, :4], _scores(table[:, 4], logits), table[:, 5].astype(np.int64), True)
    first = _PLACE + (layout == OBJECTNESS)
    of_classes = _scores(table[:, first : first + class_count if class_count else None], logits)
    if not of_classes.shape[1]:
        raise NetworkError(f"gives outputs of shape {shown(outputs)}, which has no scores in the layout {layout}")
    if class_count > of_classes.shape[1]:
        raise NetworkError(f"has {of_classes.shape[1]} classes, but {class_count} names are given; check labels")
    classes = of_classes.argmax(axis=1)
    scores = of_classes[np.arange(len(classes)), classes]
    if layout == OBJECTNESS:
        scores = scores * _scores(table[:, _PLACE], logits)
    middle, half = table[:, :2], table[:, 2:4] / 2
    return Candidates(np.concatenate([middle - half, middle + half], axis=1), scores, classes)


def shown(outputs: Named) -> str:
    """Return the shapes of outputs for people."""
    return ", ".join(f"{name:.40} {'x'.join(map(str, each.shape)) or 'a number'}" for name, each in outputs)


def _table(outputs: Named) -> NDArray[Any] | None:
    """The first output that is a table, of a batch of one or of none."""
    for _, each in outputs:
        if each.ndim == 2 or (each.ndim == 3 and each.shape[0] == 1):
            return each.reshape(each.shape[-2:])
    return None


def _is_lying(shape: tuple[int, ...], class_count: int) -> bool:
    """Return whether each column of a table is a box, and not each row."""
    if class_count and _PLACE + class_count in shape and shape[0] != shape[1]:
        return shape[0] == _PLACE + class_count
    return shape[0] < shape[1]


def _scores(told: NDArray[Any], logits: bool) -> NDArray[Any]:
    if logits:
        with np.errstate(over="ignore"):  # of a very small score
            return np.asarray(1 / (1 + np.exp(-told)))
    if told.size and not (told.min() >= 1 - _SLACK and told.max() <= _SLACK):
        raise NetworkError(
            f"gives scores from {told.min():.3g} to {told.max():.3g}, and they must be 0 to 1: say logits=true if the "
            "network leaves out the sigmoid, or check layout"
        )
    return told


def _maps(outputs: Named) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None] | None:
    """Heatmaps, sizes and offsets, each channels × rows × columns; None if there are none such."""
    maps = [(name.lower(), each[0]) for name, each in outputs if each.ndim == 4 and each.shape[0] == 1]
    if len(maps) < 2 or len(maps) != len(outputs) or len({each.shape[1:] for _, each in maps}) != 1:
        return None

    def named(*words: str) -> NDArray[Any] | None:
        return next((each for name, each in maps if any(word in name for word in words)), None)

    heat, size, offset = named("hm", "heat"), named("wh", "size"), named("reg", "off")
    if heat is None and size is None and len(maps) <= 3:
        heat, size, offset = maps[0][1], maps[1][1], maps[2][1] if len(maps) == 3 else None
    if heat is None or size is None or any(each is not None and len(each) != 2 for each in (size, offset)):
        return None
    return heat, size, offset


def _of_maps(outputs: Named, size: tuple[int, int], logits: bool) -> Candidates:
    """The peaks of the heatmaps (X. Zhou, D. Wang, P. Krähenbühl: "Objects as Points", 2019). Sizes and offsets count
    cells."""
    maps = _maps(outputs)
    if maps is None:
        raise NetworkError(f"gives outputs of shape {shown(outputs)}, which is not the layout {CENTERS}")
    heat, sizes, offsets = maps
    heat = _scores(heat.astype(np.float64), logits)
    around = np.ones((3, 3), np.uint8)
    peaks = np.stack([each == cv2.dilate(each, around) for each in heat])
    classes, rows, columns = np.nonzero(peaks)
    step = np.array([size[0] / heat.shape[2], size[1] / heat.shape[1]])
    middle = np.stack([columns, rows], axis=1).astype(np.float64)
    if offsets is not None:
        middle += offsets[:, rows, columns].T
    half = sizes[:, rows, columns].T.astype(np.float64) / 2
    boxes = np.concatenate([(middle - half) * step, (middle + half) * step], axis=1)
    return Candidates(boxes, heat[classes, rows, columns], classes)
