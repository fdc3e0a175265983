"""Detectors: a picture becomes the size that a network takes, and what it finds becomes boxes of the picture."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from moviola.base.arrays import np
from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import inside
from moviola.filters.toolbox.networks import layouts
from moviola.filters.toolbox.networks.runtime import Network, NetworkError, load, remembered
from moviola.filters.toolbox.networks.samples import Coding
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_SIDE: Final = 640
"""Pixels of the sides of the input of a network that takes any size: YOLO networks are trained at that."""

MAX_CANDIDATES: Final = 1000
"""Boxes that are compared with each other, the surest first."""

MAX_FINDS: Final = 300
"""Things of one picture that are told, the surest first: what detectors tell at most, too."""

MAX_LABELS: Final = 64 * 1024
"""Bytes of the names of classes: the largest common sets have some thousand names."""

_PAD: Final = 114  # the gray around a picture that does not fill the input: what YOLO networks are trained with


class Thing(NamedTuple):
    """Something that was found.

    Attributes:
        box: x, y, width, height in pixels of the picture.
        score: 0..1.
        label: what it is; the number of its class where nobody says a name.
    """

    box: Box
    score: float
    label: str


@dataclass(frozen=True, slots=True)
class Detector:
    """How a network is asked, and how its answer is read.

    Attributes:
        model: an ONNX file.
        layout: one of `layouts.LAYOUTS`.
        labels: the names of the classes, in order; empty for those that the file has.
        side: pixels of the picture's long side where the network takes any size; 0 for `DEFAULT_SIDE`.
        stretch: the picture fills the input, whatever its proportions.
        coding: how a picture's samples are given to the network.
        logits: the network gives logits: a score is the sigmoid of what it gives.
        fractions: boxes are told in shares of the input, not in pixels.
    """

    model: Asset
    layout: str = layouts.AUTO
    labels: tuple[str, ...] = ()
    side: int = 0
    stretch: bool = False
    coding: Coding = field(default_factory=Coding)
    logits: bool = False
    fractions: bool = False

    def find(self, bgr: NDArray[Any], score: float, overlap: float, wanted: Collection[str]) -> list[Thing]:
        """Return what the network finds in a picture, sorted.

        Args:
            bgr: height × width × 3, uint8.
            score: the least that counts.
            overlap: of two boxes of one class that share more of their union, the surer one counts.
            wanted: labels or numbers of the classes that count; empty for all.

        Raises:
            NetworkError: the network fails, or does not give what its layout has.
        """
        known = _examined(self)
        height, width = bgr.shape[:2]
        size = input_size(known.network, self.side)
        light, place = _fitted(bgr, size, self.stretch)
        found = _candidates(self, known, _outputs(self, known.network, light), size)
        counts = found.scores >= score
        if wanted:
            numbers = [number for number, name in enumerate(known.names) if name in wanted]
            counts &= np.isin(found.classes, [*numbers, *(int(each) for each in wanted if each.isdecimal())])
        sure = np.flatnonzero(counts)
        sure = sure[np.lexsort((sure, -found.scores[sure]))][:MAX_CANDIDATES]
        boxes = found.boxes[sure] * (np.array([*size, *size]) if self.fractions else 1)
        if not found.are_final:
            kept = _without_doubles(boxes, found.classes[sure], overlap)
            sure, boxes = sure[kept], boxes[kept]
        left, top, wide, high = place  # of the picture in the input
        boxes = (boxes - [left, top, left, top]) * [width / wide, height / high, width / wide, height / high]
        things = []
        for number, (x, y, end, bottom) in zip(sure.tolist(), boxes.tolist(), strict=True):
            kind = int(found.classes[number])
            label = known.names[kind] if 0 <= kind < len(known.names) else str(kind)
            x, y, end, bottom = max(x, 0), max(y, 0), min(end, width), min(bottom, height)
            if x < end and y < bottom:
                box = inside((x, y, end - x, bottom - y), width, height)
                things.append(Thing(box, float(found.scores[number]), label))
        return sorted(things[:MAX_FINDS])


def check(detector: Detector) -> tuple[str, ...]:
    """Return the names of the classes that a detector knows; empty if nobody says them.

    Raises:
        ParameterError: the file holds no network that can be asked so; the text says why.
        AssetError: the file is not available here.
    """
    return _examined(detector).names


def input_size(network: Network, side: int) -> tuple[int, int]:
    """Return the width and height in pixels of a network's input.

    Args:
        side: what was asked for; 0 for nothing.

    Raises:
        ParameterError: the network takes another size only.
    """
    shape = network.shape
    own = shape.width, shape.height
    if side and any(each not in (0, side) for each in own):
        raise ParameterError(
            f"{network.told} takes pictures of {own[0] or 'any'}x{own[1] or 'any'} only; leave size out"
        )
    return own[0] or side or own[1] or DEFAULT_SIDE, own[1] or side or own[0] or DEFAULT_SIDE


def labels_of(network: Network) -> tuple[str, ...]:
    """Return the names of classes that a file has as Ultralytics writes them, in order; empty if it has none."""
    text = network.metadata.get("names", "")[:MAX_LABELS]
    try:
        told = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    if isinstance(told, dict) and set(told) == set(range(len(told))):
        told = [told[number] for number in range(len(told))]
    if not isinstance(told, (list, tuple)) or not all(isinstance(each, str) for each in told):
        return ()
    return tuple(told)


class _Known(NamedTuple):
    """What a trial tells of a detector: its network, the layout of the outputs, the names of the classes."""

    network: Network
    layout: str
    names: tuple[str, ...]


@remembered
def _examined(detector: Detector) -> _Known:
    """Return what a trial on a gray picture tells of a detector. Raise ParameterError if it cannot be used."""
    network = load("detect", detector.model)
    if network.shape.channels == 1 and max(len(detector.coding.mean), len(detector.coding.deviation)) > 1:
        raise ParameterError(f"{network.told} takes one channel, and mean or std has three numbers; give one")
    size = input_size(network, detector.side)
    gray = np.full((size[1], size[0], 3), _PAD, np.uint8)
    try:
        outputs = _outputs(detector, network, gray)
        names, layout = detector.labels or labels_of(network), detector.layout
        if layout == layouts.AUTO:
            layout = layouts.layout_of(outputs, size, len(names))
        if not layout:
            raise NetworkError(
                f"{network.told} gives outputs of shape {layouts.shown(outputs)}, which may be several layouts or "
                f"none: give layout={'|'.join(layouts.LAYOUTS[1:])}, or the names of its classes as labels"
            )
        known = _Known(network, layout, names)
        _candidates(detector, known, outputs, size)
    except NetworkError as error:
        raise ParameterError(str(error)) from error
    return known


def _outputs(detector: Detector, network: Network, light: NDArray[Any]) -> layouts.Named:
    if network.shape.channels == 1:
        light = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY)
    return list(zip(network.outputs, network.run(detector.coding.coded(light, 255, network.shape)), strict=True))


def _candidates(detector: Detector, known: _Known, outputs: layouts.Named, size: tuple[int, int]) -> layouts.Candidates:
    try:
        return layouts.candidates_of(known.layout, outputs, size, len(known.names), detector.logits)
    except NetworkError as error:
        raise NetworkError(f"{known.network.told} {error}") from error


def _fitted(
    bgr: NDArray[Any], size: tuple[int, int], stretch: bool
) -> tuple[NDArray[Any], tuple[float, float, float, float]]:
    """Return the picture scaled to fill the input, or to lie in the middle of it, and its place there: x, y, width,
    height."""
    height, width = bgr.shape[:2]
    wide, high = size
    if not stretch:
        share = min(size[0] / width, size[1] / height)
        wide, high = max(1, round(share * width)), max(1, round(share * height))
    shrinks = wide <= width and high <= height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR_EXACT
    scaled = bgr if (wide, high) == (width, height) else cv2.resize(bgr, (wide, high), interpolation=way)
    left, top = (size[0] - wide) // 2, (size[1] - high) // 2
    if (wide, high) != size:
        framed = np.full((size[1], size[0], 3), _PAD, np.uint8)
        framed[top : top + high, left : left + wide] = scaled
        scaled = framed
    return scaled, (left, top, wide, high)


def _without_doubles(boxes: NDArray[Any], classes: NDArray[Any], overlap: float) -> list[int]:
    """Return the indexes of the boxes that share no more than `overlap` of the union with a surer one of their
    class. The boxes come with the surest first."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides[:, 0] * sides[:, 1]
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and len(kept) < MAX_FINDS:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        corner = np.maximum(boxes[first, :2], boxes[left, :2])
        shared = np.maximum(np.minimum(boxes[first, 2:], boxes[left, 2:]) - corner, 0)
        both = shared[:, 0] * shared[:, 1]
        same = (both > overlap * (areas[first] + areas[left] - both)) & (classes[left] == classes[first])
        left = left[~same]
    return kept


def parts_of(text: str) -> list[str]:
    """Return the words of a text, between commas or one a line, also those that are blank."""
    return [part.strip() for part in text.replace("\n", ",").split(",")]


def names_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, between commas or one a line."""
    return tuple(filter(None, parts_of(text)))


def in_their_places(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes as they are listed, which tells their numbers. A class whose place is left blank is
    called by its number; blanks behind the last name are none."""
    names = [part.strip() for part in parts]
    while names and not names[-1]:
        names.pop()
    return tuple(name or str(number) for number, name in enumerate(names))


def unknown_classes(wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return those of the wanted that are neither names nor numbers of classes."""
    return [each for each in wanted if each not in names and not (each.isascii() and each.isdecimal())]
