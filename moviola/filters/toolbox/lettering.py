"""A line of text in any script, as glyphs in their places and as coverage of pixels.

HarfBuzz says which glyphs stand for a text and where (letters that join, accents, syllables of Indian scripts), and
fills their outlines, in whole pixels. It brings all its code in its own wheel, so nothing of a system takes part.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from moviola.base.arrays import np
from moviola.filters.fonts import EM, Font, fonts, hb, is_mark_of_others
from moviola.filters.toolbox.reading_order import levels, visual_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ABOVE: Final = round(0.78 * EM)
_BELOW: Final = round(-0.25 * EM)
"""How far a line of printable ASCII reaches above and below the baseline; other scripts may need more."""
_JOINER: Final = "\u200d"
_LANGUAGES: Final = (("HIRAGANA", "ja"), ("KATAKANA", "ja"), ("HANGUL", "ko"), ("BOPOMOFO", "zh-hant"))
_HAN: Final = "zh-hans"


class Glyph(NamedTuple):
    """A shape of a font, `number`, with its origin at `x`, `y`, y upwards, in EM."""

    font: Font
    number: int
    x: int
    y: int


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """Where the glyphs of a text stand, and the box around all of them, y upwards, in EM from where the line begins."""

    glyphs: tuple[Glyph, ...]
    left: int
    right: int
    bottom: int
    top: int


@lru_cache(maxsize=32)
def line(text: str) -> Line:
    """Return a text laid out in one line. What no font knows becomes the sign for a missing character.

    Args:
        text: of characters for which `moviola.filters.fonts.can_draw` is true.
    """
    glyphs: list[Glyph] = []
    box = [0, 0, _BELOW, _ABOVE]
    pen = 0
    for font, number, advance, x, y in _shaped(unicodedata.normalize("NFC", text)):
        glyph = Glyph(font, number, pen + x, y)
        pen += advance
        glyphs.append(glyph)
        ink = font.shaper.get_glyph_extents(number)
        if ink is not None and ink.width:
            box[0] = min(box[0], glyph.x + ink.x_bearing)
            box[1] = max(box[1], glyph.x + ink.x_bearing + ink.width)
            box[2] = min(box[2], glyph.y + ink.y_bearing + ink.height)
            box[3] = max(box[3], glyph.y + ink.y_bearing)
    return Line(tuple(glyphs), box[0], max(box[1], pen), box[2], box[3])


def coverage(drawn: Line, width: int, height: int, scale: float, left: float, foot: float) -> NDArray[np.uint8]:
    """Return how much of each pixel is covered by letters.

    Args:
        drawn: what `line` returned.
        width: of the result, in pixels.
        height: of the result, in pixels.
        scale: pixels in one of EM.
        left: pixels from the left border to where the line begins.
        foot: pixels from the lower border to the line that letters stand on.

    Returns:
        height × width, 0..255.
    """
    raster = hb.RasterDraw()
    raster.extents = hb.RasterExtents(0, 0, width, height, width)
    for glyph in drawn.glyphs:
        raster.transform = scale, 0, 0, scale, left + glyph.x * scale, foot + glyph.y * scale
        raster.draw_glyph(glyph.font.shaper, glyph.number)
    filled: NDArray[np.uint8] = np.frombuffer(raster.render().buffer, np.uint8).reshape(height, -1)[::-1, :width]
    return np.ascontiguousarray(filled)


def _shaped(text: str) -> Iterator[tuple[Font, int, int, int, int]]:
    """Yield font, glyph, advance and offsets, from left to right."""
    pieces = _pieces(text, levels(text))
    language = _language(text)
    for index in visual_order([level for _, level, _, _ in pieces]):
        font, level, start, end = pieces[index]
        buffer = hb.Buffer()
        buffer.add_codepoints([ord(each) for each in text], start, end - start)
        buffer.direction = "rtl" if level % 2 else "ltr"
        buffer.language = language  # never the system's
        buffer.guess_segment_properties()
        hb.shape(font.shaper, buffer)
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            yield font, info.codepoint, place.x_advance, place.x_offset, place.y_offset


def _pieces(text: str, depths: Sequence[int]) -> list[tuple[Font, int, int, int]]:
    """Return (font, level, start, end) of each part of a text that has one font and one level, in the order in which
    they are read."""
    chosen: list[tuple[Font, int]] = []
    start = 0
    for cluster in _clusters(text):
        font = _font_for(cluster)
        depth = depths[start]
        chosen += [(font or _font_for(each) or fonts()[0], depth) for each in cluster]
        start += len(cluster)
    pieces, start = [], 0
    for (font, depth), group in groupby(chosen):
        end = start + len(list(group))
        pieces.append((font, depth, start, end))
        start = end
    return pieces


def _clusters(text: str) -> Iterator[str]:
    """Yield what one font must draw: a character with its marks, and what joiners join."""
    start = 0
    for index in range(1, len(text) + 1):
        ends = index == len(text) or not (_is_attached(text[index]) or text[index - 1] == _JOINER)
        if ends:
            yield text[start:index]
            start = index


def _is_attached(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


@lru_cache(maxsize=4096)
def _font_for(cluster: str) -> Font | None:
    """Return the first font that knows all characters of a cluster, else the first that knows those that are seen
    themselves; None if no font does."""
    seen = [each for each in cluster if not is_mark_of_others(each)]
    return next((font for needed in (cluster, seen) for font in fonts() if font.knows(needed)), None)


def _language(text: str) -> str:
    """Return the language in whose manner characters are drawn that Chinese, Japanese and Korean write differently."""
    names = [unicodedata.name(each, "") for each in text if not each.isascii()]
    return next((language for script, language in _LANGUAGES if any(each.startswith(script) for each in names)), _HAN)
