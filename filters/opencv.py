"""OpenCV, imported at first use and held to one thread.

`from filters.opencv import cv2` costs nothing until a filter calls it, so that filters can be listed and their
parameters checked without loading OpenCV. One thread, because every core has a worker of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["cv2"]

if TYPE_CHECKING:
    import cv2
else:

    class _LazyModule:
        """Looks an attribute up in OpenCV once; afterwards it is found here without a call."""

        def __getattr__(self, name: str) -> Any:
            import cv2 as module  # noqa: PLC0415

            module.setNumThreads(1)
            value = getattr(module, name)
            setattr(self, name, value)
            return value

    cv2 = _LazyModule()
