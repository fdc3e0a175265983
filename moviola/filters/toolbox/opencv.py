"""OpenCV, imported at first use and held to one thread.

`from moviola.filters.toolbox.opencv import cv2` costs nothing until a filter calls it, so that filters can be listed
and their parameters checked without loading OpenCV. One thread, because every core has a worker of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moviola.base.lazy import LazyModule

__all__ = ["cv2", "is_out_of_memory"]

_NO_MEMORY: Final = -4
"""cv::Error::StsNoMem"""

if TYPE_CHECKING:
    import cv2
else:
    cv2 = LazyModule("cv2", lambda module: module.setNumThreads(1))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the process has no memory left, also if it is one of OpenCV."""
    return isinstance(error, MemoryError) or (
        type(error).__module__.startswith("cv2") and getattr(error, "code", 0) == _NO_MEMORY
    )
