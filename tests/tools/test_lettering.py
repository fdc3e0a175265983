from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.lettering import MONO, SMALLEST, Pixels, save, typeface, write

INK = (10, 20, 200)


def paper(width: int = 200) -> Pixels:
    return np.full((40, width, 3), 255, np.uint8)


def columns(image: Pixels) -> Pixels:
    """The columns that are not blank."""
    return np.nonzero((image != 255).any(axis=(0, 2)))[0].astype(np.uint8)


def test_a_line_is_written_where_it_was_asked_for_and_in_its_colour() -> None:
    image = paper()
    write(image, "Hi", left=50, baseline=30, size=20, colour=INK)
    assert 48 <= columns(image).min() < columns(image).max() < 80
    assert tuple(image.reshape(-1, 3)[image.reshape(-1, 3).sum(axis=1).argmin()]) == INK


def test_a_long_line_is_written_smaller_until_it_fits() -> None:
    text = "blur:radius=12"
    wide, narrow = paper(), paper(100)
    for image in (wide, narrow):
        write(image, text, left=0, baseline=30, size=14, colour=INK, font=MONO)
    assert columns(wide).max() > 100 > columns(narrow).max() > 70


def test_a_line_that_never_fits_ends_with_an_ellipsis() -> None:
    long, cut = paper(60), paper(60)
    write(long, "m" * 100, left=0, baseline=30, size=14, colour=INK)
    face = typeface("DejaVuSans.ttf", SMALLEST)
    fits = next(n for n in range(100, 0, -1) if face.getlength("m" * n + "…") <= 60)
    write(cut, "m" * fits + "…", left=0, baseline=30, size=SMALLEST, colour=INK)
    assert np.array_equal(long, cut)


@pytest.mark.parametrize("text", ["Zürich", "Łódź", "Αθήνα", "Київ", "©"])
def test_letters_beyond_ascii_are_letters(text: str) -> None:
    drawn, missing = paper(), paper()
    write(drawn, text, left=0, baseline=30, size=20, colour=INK)
    write(missing, "\uffff" * len(text), left=0, baseline=30, size=20, colour=INK)
    assert not np.array_equal(drawn, missing)


def test_a_picture_is_saved_with_all_its_colours(tmp_path: Path) -> None:
    rows, across = np.mgrid[:64, :256]
    image = np.stack([across, rows * 4, 255 - across], axis=-1).astype(np.uint8)
    save(image, tmp_path / "picture.webp")
    with Image.open(tmp_path / "picture.webp") as saved:
        assert saved.format == "WEBP"
        read = np.asarray(saved.convert("RGB"))[..., ::-1].astype(int)
    assert np.abs(read - image).mean() < 3
