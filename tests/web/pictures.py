"""Pictures that are uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np


def as_picture(video: Path, path: Path) -> Path:
    """Write the first frame of a video as a picture."""
    with av.open(str(video)) as container:
        frame = next(container.decode(video=0))
    cv2.imwrite(str(path), frame.to_ndarray(format="bgr24"))
    return path


def as_png(picture: Any) -> bytes:
    """Return a picture (height × width × BGR) as a file."""
    return bytes(cv2.imencode(".png", picture)[1])


def decoded(content: bytes) -> Any:
    """Return the picture of a file, height × width × BGR."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture
