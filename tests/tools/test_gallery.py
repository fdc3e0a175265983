from __future__ import annotations

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from moviola.filters.builtin.people import People
from moviola.launcher import clip
from tests.end_to_end import clips
from tools import gallery
from tools.gallery import COLUMNS, HEIGHT, SOURCE, TILES, WIDTH, Tile

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photograph and a film of our own where those of the registry would be."""
    monkeypatch.setattr(gallery, "CACHE", tmp_path)
    image = np.random.default_rng(0).integers(0, 255, (SOURCE[0] // 8, SOURCE[0] // 8, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "astronaut.png"), cv2.resize(image, (SOURCE[0], SOURCE[0])))
    clips.moving(tmp_path / "bigbuckbunny.mp4", frames=80, size=(160, 90))
    return tmp_path


def test_every_filter_is_in_the_gallery() -> None:
    assert gallery.missing(TILES) == []
    assert gallery.missing(TILES[1:]) == []
    assert gallery.missing([tile for tile in TILES if "edges" not in tile.chain]) == ["edges"]


def test_rows_are_full() -> None:
    assert len(TILES) % COLUMNS == 0


@pytest.mark.parametrize("tile", [each for each in TILES if "faces" not in each.chain], ids=lambda tile: tile.chain)
def test_each_tile_is_drawn(tile: Tile) -> None:
    drawn = gallery.drawn(tile)
    assert drawn.shape == (HEIGHT + gallery.TITLE_HEIGHT, WIDTH, 3)
    if tile.source == "photograph":
        assert drawn[:HEIGHT].std() > 5
    assert (drawn[HEIGHT:] < 120).any(), "the chain is written"


def test_the_left_half_is_as_it_was() -> None:
    shown = gallery.applied(Tile("brightness:amount=40", half=True))
    before = gallery.source("photograph")[0].bgr
    middle = SOURCE[0] // 2
    assert np.array_equal(shown[:, : middle - 1], before[:, : middle - 1])
    assert shown[:, middle + 1 :].mean() > before[:, middle + 1 :].mean() + 40


def test_the_drawn_people_are_found() -> None:
    (picture,) = gallery.source("figures")
    assert len(People().apply(picture, ()).notes[0]["boxes"]) == 3


def test_a_smaller_picture_is_shown_smaller() -> None:
    paper = gallery.fitted(np.zeros((SOURCE[1] // 2, SOURCE[0] // 2, 3), np.uint8), Tile("resize", same_scale=True))
    rows, columns = np.nonzero(paper[..., 0] == 0)
    assert int(np.ptp(rows)) + 1 == HEIGHT // 2
    assert int(np.ptp(columns)) + 1 == WIDTH // 2


def test_without_media_that_is_said(
    media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (media / "astronaut.png").unlink()
    monkeypatch.setattr(clip, "download", lambda *_: False)
    monkeypatch.setattr(gallery, "PAGE", media / "page.png")
    assert gallery.main() == 1
    assert "no package registry answered with scikit-image" in capsys.readouterr().err
    assert not (media / "page.png").exists()


def test_the_page_has_all_tiles_and_the_credits(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "TILES", (Tile("identity"), Tile("blur")))
    monkeypatch.setattr(gallery, "PAGE", media / "page.png")
    monkeypatch.setattr(sys, "argv", ["gallery"])
    assert gallery.main() == 0
    with av.open(str(media / "page.png")) as container:
        page = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert page.shape[1] == gallery.GAP + COLUMNS * (WIDTH + gallery.GAP)
    assert (page[-gallery.TITLE_HEIGHT :] < 120).any()


def test_the_readme_shows_the_gallery_and_names_its_sources() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/gallery.webp" in text
    assert (ROOT / "docs" / "gallery.webp").exists()
    for words in ("NASA", "Blender Foundation", "CC-BY 3.0"):
        assert words in text
