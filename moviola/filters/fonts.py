"""The fonts that texts are drawn with, and which characters they know.

They are Noto's, from packages that hold nothing else, so that a text has the same bits on every machine; fonts of the
system are never asked. Clients ask here before anything is sent, so nothing is loaded until a text is more than ASCII.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources, util
from typing import Any, Final

from moviola.base.lazy import LazyModule

hb: Any = LazyModule("uharfbuzz")

EM: Final = 1 << 14
"""Units in which glyphs are measured and placed, in the size of a font: finer than any font's own."""

_BROAD: Final = "manimgx_fonts"
_CJK: Final = "manimgx_fonts_cjk"
_CJK_FILE: Final = "NotoSansCJK-VF.otf.ttc"
_SCRIPTS: Final = (
    "",
    *("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Hebrew"),
    *("Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thai", "Symbols"),
)
_WEIGHT: Final = 600  # of 100..900: on pictures, thinner letters drown in their outline
_NAMED_CJK: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
_NEVER: Final = frozenset(("Cc", "Zl", "Zp"))  # what moves a printer, and ends of lines: a text is one line
_ORDERS: Final = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
"""Bidirectional classes of characters that set the order of reading. No text needs them: the order follows from the
letters."""


@dataclass(frozen=True, eq=False, slots=True)
class Font:
    """A font at one weight.

    Attributes:
        shaper: uharfbuzz's font, whose scale is EM.
        characters: the code points that it has glyphs for.
    """

    shaper: Any
    characters: Any

    def knows(self, text: Sequence[str]) -> bool:
        """Return whether there is a glyph for each character."""
        return all(ord(each) in self.characters for each in text)


@cache
def fonts() -> tuple[Font, ...]:
    """Return the fonts that are installed here. A character is drawn by the first of them that knows it."""
    return tuple(_opened())


def _opened() -> Iterator[Font]:
    for script in _SCRIPTS:
        yield _font(_BROAD, f"NotoSans{script}[wght].ttf")
    if _has_cjk():
        yield _font(_CJK, _CJK_FILE)
    yield _font(_BROAD, "NotoEmoji[wght].ttf")


def _font(package: str, name: str) -> Font:
    with resources.as_file(resources.files(package).joinpath(name)) as path:
        face = hb.Face(hb.Blob.from_file_path(str(path)))
    shaper = hb.Font(face)
    shaper.scale = EM, EM
    shaper.set_variations({"wght": _WEIGHT})
    return Font(shaper, face.unicodes)


def can_draw(character: str) -> bool:
    """Return whether a character can be drawn: a font here knows it, or it only says how others are drawn, as joiners
    do."""
    return character.isprintable() if character.isascii() else _is_known(character)


@lru_cache(maxsize=4096)
def _is_known(character: str) -> bool:
    if unicodedata.category(character) in _NEVER or unicodedata.bidirectional(character) in _ORDERS:
        return False
    return is_mark_of_others(character) or any(font.knows(character) for font in fonts())


def is_mark_of_others(character: str) -> bool:
    """Return whether a character is not seen itself: joiners, marks of direction, selectors of variants."""
    return character in "\u200c\u200d\u200e\u200f" or "\ufe00" <= character <= "\ufe0f"


def way_out(character: str) -> str:
    """Return how a character becomes known that no font here knows, as the end of a sentence; empty if there is no
    way."""
    if not _has_cjk() and unicodedata.name(character, "").startswith(_NAMED_CJK):
        return (
            "; Chinese, Japanese and Korean need the extra `fonts`: pip install manimgx-fonts-cjk, here and on workers"
        )
    return ""


def _has_cjk() -> bool:
    return util.find_spec(_CJK) is not None
