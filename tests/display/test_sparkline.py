from __future__ import annotations

import pytest

from moviola.display.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, None], ""),
        ([0.0, 0.0], "▁▁"),
        ([0.0, 0.001, 50.0, 100.0], "▁▂▅█"),
        ([None, 8.0, None, 4.0, None], "█·▅·"),
        (list(range(8)), "▁▂▃▄▅▆▇█"),
    ],
)
def test_a_bar_for_each_value(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line
