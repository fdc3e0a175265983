"""Pictures that are uploaded."""

from __future__ import annotations

from pathlib import Path

import av
import cv2


def as_picture(video: Path, path: Path) -> Path:
    """Write the first frame of a video as a picture."""
    with av.open(str(video)) as container:
        frame = next(container.decode(video=0))
    cv2.imwrite(str(path), frame.to_ndarray(format="bgr24"))
    return path
