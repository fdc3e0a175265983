"""Tiles of a side join without a gap, and keep away from where a network lacks what is beside."""

from __future__ import annotations

import pytest

from moviola.filters.toolbox.networks.tiles import Tile, tiles


def test_one_tile_where_all_fits() -> None:
    assert tiles(100, 0, 16) == tiles(100, 100, 16) == tiles(100, 512, 16) == [Tile(0, 0, 100)]


def test_the_last_tile_ends_with_the_picture() -> None:
    assert tiles(100, 40, 5) == [Tile(0, 0, 35), Tile(30, 35, 65), Tile(60, 65, 100)]
    assert tiles(90, 40, 5) == [Tile(0, 0, 35), Tile(30, 35, 65), Tile(50, 65, 90)]
    assert tiles(41, 40, 5) == [Tile(0, 0, 35), Tile(1, 35, 41)]


@pytest.mark.parametrize("overlap", [0, 1, 7])
@pytest.mark.parametrize("tile", [15, 16, 40])
def test_what_is_kept_joins_and_is_far_enough_from_the_ends(tile: int, overlap: int) -> None:
    for length in range(1, 200):
        parts = tiles(length, tile, overlap)
        assert [part.begin for part in parts] == [0, *(part.end for part in parts[:-1])]
        assert parts[-1].end == length
        for part in parts:
            seen_to = min(part.start + tile, length)
            assert part.start >= 0
            assert seen_to - part.start == min(tile, length), "all are of one size"
            assert part.begin < part.end
            assert part.start == 0 or part.begin - part.start >= overlap
            assert seen_to == length or seen_to - part.end >= overlap
