"""NumPy, imported at first use.

`from moviola.base.arrays import np` costs nothing until a filter calls it, so that filters can be listed and
their parameters checked without loading NumPy. Filters of your own may import it as they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moviola.base.lazy import LazyModule

__all__ = ["np"]

if TYPE_CHECKING:
    import numpy as np
else:
    np = LazyModule("numpy")
