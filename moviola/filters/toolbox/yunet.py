"""Faces by a YuNet network (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023) in an ONNX file."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.finds import Find, inside
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from cv2 import FaceDetectorYN

_NMS = 0.3  # OpenCV's default: finds that share more are one face
_TOP = 5000  # OpenCV's default: candidates that are compared
_SIDE_MIN = 32  # pixels: the coarsest of the network's three grids has one cell there
_CANDIDATES = 0.02  # score; a model is loaded once, whatever scores its users ask for


def check(filter_name: str, model: Asset) -> None:
    """Raises ParameterError, a sentence, where the file is no YuNet model, AssetError where there is no such file."""
    _load(filter_name, model)


def find_faces(filter_name: str, model: Asset, bgr: NDArray[Any], detail: int, score: float) -> list[Find]:
    """Faces in an image, height × width × 3, uint8, searched with its long side at `detail` pixels; scores are 0..1.

    Raises ParameterError as `check`.
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


@lru_cache(maxsize=4)
def _load(filter_name: str, model: Asset) -> FaceDetectorYN:
    """Loaded once per process and file. Not to be used by two threads at once; a worker computes in one."""
    weights, nothing = np.frombuffer(model.read(), np.uint8), np.zeros(0, np.uint8)
    try:
        size = (_SIDE_MIN, _SIDE_MIN)
        detector = cv2.FaceDetectorYN.create("onnx", weights, nothing, size, _CANDIDATES, _NMS, _TOP)
        detector.detect(np.zeros((_SIDE_MIN, _SIDE_MIN, 3), np.uint8))  # another network's outputs show only now
    except cv2.error as error:
        raise ParameterError(
            f"{filter_name}: the file that is given as model is no YuNet face detector in ONNX form"
        ) from error
    return detector
