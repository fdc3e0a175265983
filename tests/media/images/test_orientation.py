from __future__ import annotations

import numpy as np
import pytest

from moviola.media.images.orientation import upright

# Where the first row and the first column of the stored picture are to be seen (EXIF 2.3, 4.6.4 A).
SIDES = {
    1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
    5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
}  # fmt: skip


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (1, 5), (1, 1, 4)])
def test_rows_and_columns_go_where_exif_says(orientation: int, shape: tuple[int, ...]) -> None:
    stored = np.arange(np.prod(shape)).reshape(shape)
    seen = upright(stored, orientation)
    sides = {"top": seen[0], "bottom": seen[-1], "left": seen[:, 0], "right": seen[:, -1]}
    row, column = SIDES[orientation]
    in_order, along = sides[row], ("left", "top")
    assert sorted(map(str, in_order)) == sorted(map(str, stored[0]))
    assert sorted(map(str, sides[column])) == sorted(map(str, stored[:, 0]))
    first = in_order[0] if column in along else in_order[-1]
    assert (first == stored[0, 0]).all()
