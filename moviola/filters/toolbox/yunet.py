"""Finds faces with a YuNet network from an ONNX file.

W. Wu, H. Peng, S. Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moviola.base.arrays import np
from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.finds import Find, inside
from moviola.filters.toolbox.opencv import cv2
from moviola.filters.toolbox.per_thread import once_per_thread

if TYPE_CHECKING:
    from cv2 import FaceDetectorYN
    from numpy.typing import NDArray

_NMS = 0.3  # OpenCV's default: finds that share more are one face
_TOP = 5000  # OpenCV's default: candidates that are compared
_SIDE_MIN = 32  # pixels: the coarsest of the network's three grids has one cell there
_CANDIDATES = 0.02  # score; a model is loaded once, whatever scores its users ask for


def check(filter_name: str, model: Asset) -> None:
    """Check that a file holds a YuNet network.

    Raises:
        ParameterError: it does not.
        AssetError: the file is not available here.
    """
    _load(filter_name, model)


def find_faces(filter_name: str, model: Asset, bgr: NDArray[Any], detail: int, score: float) -> list[Find]:
    """Return the faces in an image, with scores 0..1.

    Args:
        filter_name: for messages.
        model: an ONNX file with a YuNet network.
        bgr: height × width × 3, uint8.
        detail: long side in pixels at which the image is searched; it is never enlarged.
        score: the smallest score that counts, 0..1.

    Raises:
        ParameterError: the file holds no YuNet network.
        AssetError: the file is not available here.
    """
    detector = _load(filter_name, model)
    height, width = bgr.shape[:2]
    shrink = min(1.0, detail / max(height, width))
    searched = bgr
    if shrink < 1:
        searched = cv2.resize(bgr, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    if min(searched.shape[:2]) < 2:
        return []
    detector.setInputSize((searched.shape[1], searched.shape[0]))
    detector.setScoreThreshold(score)
    _, rows = detector.detect(np.ascontiguousarray(searched))
    found = [] if rows is None else [[float(value) for value in row] for row in rows]
    return [Find(inside([side / shrink for side in row[:4]], width, height), row[-1]) for row in found]


@once_per_thread(maxsize=4)
def _load(filter_name: str, model: Asset) -> FaceDetectorYN:
    """Loaded once per thread and file: it is set for each picture anew, so no two threads may share one."""
    weights, nothing = np.frombuffer(model.read(), np.uint8), np.zeros(0, np.uint8)
    try:
        size = (_SIDE_MIN, _SIDE_MIN)
        detector = cv2.FaceDetectorYN.create("onnx", weights, nothing, size, _CANDIDATES, _NMS, _TOP)
        detector.detect(np.zeros((_SIDE_MIN, _SIDE_MIN, 3), np.uint8))  # another network's outputs show only now
    except cv2.error as error:
        raise ParameterError(
            f"{filter_name}: the file given as model is not a YuNet face detector in ONNX format"
        ) from error
    return detector
