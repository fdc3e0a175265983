"""The order of characters, beside another's implementation of the same rules: the crate unicode-bidi, in Rust."""

from __future__ import annotations

import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from moviola.filters.toolbox.reading_order import levels, visual_order

ALPHABET = "abאבعب12٣ +-#%.,:!()[]"


def displayed(text: str) -> str:
    return "".join(text[index] for index in visual_order(levels(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zürich", "Zürich"),
        ("אבג", "גבא"),
        ("אבג 12", "12 גבא"),
        ("Ada אבג 12", "Ada 12 גבא"),
        ("אבג (x)", ")x( גבא"),  # a font's shaping turns what is read from right to left
        ("a (אב) b", "a (בא) b"),
        ("(אב) b", "b )בא("),
        ("", ""),
    ],
)
def test_letters_of_both_directions_stand_as_they_are_read(text: str, expected: str) -> None:
    assert displayed(text) == expected


@given(st.text(ALPHABET, max_size=24))
def test_any_text_stands_as_by_another_implementation(text: str) -> None:
    assert displayed(text) == get_display(text)
