"""Finds faces with a YuNet network: the one that comes with Moviola's packages, or one from an ONNX file.

W. Wu, H. Peng, S. Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from moviola.base.arrays import np
from moviola.base.packaged_models import YUNET, ModelMissing
from moviola.filters.assets import Asset
from moviola.filters.picture import Picture
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import Find, inside, shared
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.per_thread import once_per_thread

if TYPE_CHECKING:
    from cv2 import FaceDetectorYN
    from numpy.typing import NDArray

SMALLEST: Final = 16
"""Pixels: side of the smallest face that the network finds reliably."""

USUAL: Final = 640
"""Pixels: long side at which a picture is searched where nothing is said, for faces of a fortieth of it."""

MOST: Final = 4096
"""Pixels: long side at which a picture is searched at most. That takes 40 times as long as the usual one."""

CERTAIN: Final = 0.85
"""A find with this score needs no second look: of the pictures and clips that were looked at all such were faces."""

MANY: Final = 200
"""Faces of one picture, the surest: those of a crowd. A picture of leaves or grain may have more places that look a
little like faces, each of which has to be compared with all others."""

_LOOKS: Final = 24
"""Second looks in one picture: each takes a ninth of the search; in a crowd the less sure ones are left as they are."""

_LOOK: Final = 160
"""Pixels: side of the image that a second look is given, the part of the picture around a face."""

_LOOK_FACE: Final = 40
"""Pixels: side of the face in that image. Of three sizes that were tried, this one told faces from other things
best."""

_ENLARGED: Final = 2.0
"""A picture is enlarged so much at most: more shows nothing that was not there."""

_NMS = 0.3  # OpenCV's default: finds that share more are one face
_TOP = 5000  # OpenCV's default: candidates that are compared
_SIDE_MIN = 32  # pixels: the coarsest of the network's three grids has one cell there
_CANDIDATES = 0.02  # score; a model is loaded once, whatever scores its users ask for


def check(filter_name: str, model: Asset) -> None:
    """Check that there is a YuNet network.

    Raises:
        ParameterError: the file holds none, or the package that has the usual one is not installed.
        AssetError: the file is not available here.
    """
    _load(filter_name, model)


def searched_size(width: int, height: int, min_size: int) -> tuple[int, int]:
    """Return (width, height) in pixels at which a picture is searched.

    Args:
        width: of the picture in pixels.
        height: of the picture in pixels.
        min_size: side of the smallest face that should be found, in pixels of the picture; 0 for a fortieth of its
            long side.
    """
    long = max(width, height)
    wanted = min(round(long * SMALLEST / min_size), round(long * _ENLARGED)) if min_size else min(long, USUAL)
    factor = min(wanted, MOST) / long
    return max(1, round(width * factor)), max(1, round(height * factor))


def find_faces(filter_name: str, model: Asset, picture: Picture, min_size: int, score: float) -> list[Find]:
    """Return the faces in a picture, with scores 0..1.

    Args:
        filter_name: for messages.
        model: an ONNX file with a YuNet network; empty for the usual one.
        picture: to search.
        min_size: see `searched_size`; smaller faces are left out.
        score: the smallest score that counts, 0..1.

    Raises:
        ParameterError: the file holds no YuNet network.
        AssetError: the file is not available here.
    """
    width, height = picture.width, picture.height
    size = searched_size(width, height, min_size)
    if min(size) < 2:
        return []
    across, down = width / size[0], height / size[1]
    rows = _search(_load(filter_name, model), picture.bgr_of(*size), score)
    finds = [
        Find(inside((x * across, y * down, w * across, h * down), width, height), found) for x, y, w, h, found in rows
    ]
    return [find for find in finds if max(find.box[2:]) >= min_size]


def confirmed(filter_name: str, model: Asset, picture: Picture, finds: Sequence[Find]) -> list[Find]:
    """Return the finds with scores that a second look confirms: the mean of both. Those above CERTAIN stay.

    Each is looked at alone, with what is around it, in the picture's own detail. What only looks like a face at one
    size scores far lower there, and small faces score higher.

    Args:
        filter_name: for messages.
        model: an ONNX file with a YuNet network; empty for the usual one.
        picture: in which they were found.
        finds: of `find_faces`.
    """
    doubtful = sorted((find for find in finds if find.score < CERTAIN), key=lambda find: (-find.score, find.box))
    again = {find: _second(filter_name, model, picture, find.box) for find in doubtful[:_LOOKS]}
    return [Find(find.box, (find.score + again[find]) / 2) if find in again else find for find in finds]


def _second(filter_name: str, model: Asset, picture: Picture, box: Box) -> float:
    """Return the score with which a second look finds a face in the place of a box; 0 if it finds none there."""
    part, left, top, factor = _around(picture, box)
    rows = _search(_load(filter_name, model, "second look"), part, _CANDIDATES)
    there = (((left + x * factor, top + y * factor, w * factor, h * factor), found) for x, y, w, h, found in rows)
    same = (found for sides, found in there if _is_same(box, sides))
    return max(same, default=0.0)


def _around(picture: Picture, box: Box) -> tuple[NDArray[Any], int, int, float]:
    """Return a box and what is around it as a small image, its left and top in the picture, and how many pixels of the
    picture one of its pixels is. What lies outside of the picture is its border continued. Of a close-up the image is
    the whole picture instead."""
    x, y, width, height = box
    side, long = round(max(width, height) * _LOOK / _LOOK_FACE), max(picture.width, picture.height)
    if side >= long:
        factor = long / _LOOK
        return (
            picture.bgr_of(max(2, round(picture.width / factor)), max(2, round(picture.height / factor))),
            0,
            0,
            factor,
        )
    left, top = x + width // 2 - side // 2, y + height // 2 - side // 2
    right, bottom = left + side, top + side
    part = picture.bgr[max(top, 0) : min(bottom, picture.height), max(left, 0) : min(right, picture.width)]
    beyond = max(-top, 0), max(bottom - picture.height, 0), max(-left, 0), max(right - picture.width, 0)
    part = cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE)
    way = cv2.INTER_AREA if side >= _LOOK else cv2.INTER_LINEAR_EXACT
    return cv2.resize(part, (_LOOK, _LOOK), interpolation=way), left, top, side / _LOOK


def _is_same(box: Box, sides: tuple[float, float, float, float]) -> bool:
    x, y, width, height = (round(side) for side in sides)
    both = shared(box, (x, y, width, height))
    return both > _NMS * (box[2] * box[3] + width * height - both)


def _search(detector: FaceDetectorYN, bgr: NDArray[Any], score: float) -> list[list[float]]:
    """Return x, y, width, height in pixels and the score of each face, the surest first, without those that have
    infinite numbers."""
    detector.setInputSize((bgr.shape[1], bgr.shape[0]))
    detector.setScoreThreshold(score)
    _, rows = detector.detect(np.ascontiguousarray(bgr))
    if rows is None:
        return []
    found: list[list[float]] = rows[np.isfinite(rows).all(axis=1)][:, [0, 1, 2, 3, -1]].tolist()
    return sorted(found, key=lambda row: (-row[-1], row))[:MANY]


@once_per_thread(maxsize=4)
def _load(filter_name: str, model: Asset, use: str = "") -> FaceDetectorYN:
    """Return a detector, loaded once per thread, file and use. It is set up for each picture, so no two threads may
    share one; and where uses take turns with pictures of two sizes, it would be laid out again each time."""
    try:
        content = model.read() if model else YUNET.read()
    except ModelMissing as error:
        raise ParameterError(f"{filter_name}: {error}") from error
    weights, nothing = np.frombuffer(content, np.uint8), np.zeros(0, np.uint8)
    try:
        size = (_SIDE_MIN, _SIDE_MIN)
        detector = cv2.FaceDetectorYN.create("onnx", weights, nothing, size, _CANDIDATES, _NMS, _TOP)
        detector.detect(np.zeros((_SIDE_MIN, _SIDE_MIN, 3), np.uint8))  # another network's outputs show only now
    except cv2.error as error:
        raise ParameterError(
            f"{filter_name}: the file given as model is not a YuNet face detector in ONNX format"
        ) from error
    return detector
