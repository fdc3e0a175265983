from __future__ import annotations

import pytest

from moviola.session.units import sized


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (12_500_000, "12.5 MB"),
        (4 * 10**9, "4.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_come_in_the_unit_that_suits_them(size: int, text: str) -> None:
    assert sized(size) == text
