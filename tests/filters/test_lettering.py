from __future__ import annotations

from importlib import resources
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from moviola.filters.fonts import EM
from moviola.filters.toolbox.lettering import coverage, line

SIZE = 48  # pixels an em
EDGE = 24


def drawn(text: str) -> NDArray[np.uint8]:
    laid = line(text)
    width = round((laid.right - laid.left) * SIZE / EM) + 2 * EDGE
    return coverage(laid, width, 3 * SIZE, SIZE / EM, EDGE - laid.left * SIZE / EM, SIZE)


def by_freetype(text: str, file: str, weight: int, width: int) -> NDArray[Any]:
    """The same by Pillow, which lays out and fills with other code."""
    with resources.as_file(resources.files("manimgx_fonts").joinpath(file)) as path:
        font = ImageFont.truetype(path, SIZE, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    picture = Image.new("L", (width, 3 * SIZE))
    ImageDraw.Draw(picture).text((EDGE, 2 * SIZE), text, 255, font, anchor="ls")
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("text", "file"),
    [("HNOE nob", ""), ("ÜÖÄ ß", ""), ("Москва", ""), ("שלו", "Hebrew"), ("ქარ", "Georgian")],
)
def test_letters_look_as_by_freetype(text: str, file: str) -> None:
    ours = drawn(text).astype(int)
    seen = text[::-1] if file == "Hebrew" else text
    theirs = by_freetype(seen, f"NotoSans{file}[wght].ttf", 600, ours.shape[1]).astype(int)
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.04)
    near = cv2.dilate(theirs.astype(np.uint8), np.ones((5, 5), np.uint8))  # FreeType moves letters to whole pixels
    assert (ours - near).clip(0).sum() < 0.02 * ours.sum()


@pytest.mark.parametrize(
    "text",
    ["Zürich Ελλάδα Москва", "العربية", "हिन्दी क्षत्रिय", "ខ្មែរ", "東京 서울", "😀 👩‍❤️‍👨 ❤️ 1️⃣", "e\u0301\u0323"],
)
def test_no_part_of_a_text_becomes_the_sign_for_a_missing_one(text: str) -> None:
    assert all(glyph.number for glyph in line(text).glyphs)


def test_a_glyph_stands_at_the_left_where_a_text_is_read_to_the_left() -> None:
    whole, last = drawn("שלום"), drawn("ם")
    ink = last.shape[1] - 2 * EDGE
    assert np.array_equal(whole[:, EDGE : EDGE + ink], last[:, EDGE : EDGE + ink])


def test_arabic_letters_join() -> None:
    dots = 3
    pieces, _ = cv2.connectedComponents((drawn("ببب") > 128).astype(np.uint8))
    assert pieces - 1 == 1 + dots


def test_an_indian_vowel_stands_before_its_consonant() -> None:
    first, *_ = line("कि").glyphs
    alone = [glyph.number for glyph in line("क").glyphs]
    assert first.number not in alone
    assert line("कि").glyphs[-1].number in alone


def test_parts_of_an_emoji_are_one_glyph() -> None:
    pieces = [glyph.font.shaper.get_glyph_extents(glyph.number).width for glyph in line("👩‍❤️‍👨").glyphs]
    assert sum(width > 0 for width in pieces) == 1


def test_japanese_and_chinese_are_drawn_in_their_manner() -> None:
    assert line("直").glyphs[0].number != line("直の").glyphs[0].number


@pytest.mark.parametrize("text", ["Ễg", "ျို", "بِسْمِ", "|g", "東"])
def test_all_of_a_text_lies_in_its_box(text: str) -> None:
    laid, scale = line(text), SIZE / EM
    inside = (
        round((laid.right - laid.left) * scale) + 2,
        round((laid.top - laid.bottom) * scale) + 2,
    )
    boxed = coverage(laid, *inside, scale, 1 - laid.left * scale, 1 - laid.bottom * scale)
    assert int(boxed.sum()) == pytest.approx(int(drawn(text).sum()), rel=0.002)
