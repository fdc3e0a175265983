"""Elements of EBML, by bytes written by hand."""

from __future__ import annotations

import pytest

from moviola.media.ebml import SEGMENT, Element, element_at

SMALL = b"\xe0\x82ab"
"""An id of one byte, a size of one byte, and two bytes of content."""


def test_an_element_is_found_with_its_content_wherever_it_begins() -> None:
    assert element_at(SMALL, 0) == Element(b"\xe0", 2, 4)
    assert element_at(b"..." + SMALL, 3) == Element(b"\xe0", 5, 7)
    assert element_at(SEGMENT + b"\x40\x03abc", 0) == Element(SEGMENT, 6, 9)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_size_of_ones_alone_is_not_told(length: int) -> None:
    size = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")
    assert element_at(SEGMENT + size, 0) == Element(SEGMENT, 4 + length, None)


@pytest.mark.parametrize("length", range(2))
def test_what_is_cut_off_within_its_head_is_none(length: int) -> None:
    assert element_at(SMALL[:length], 0) is None
    assert element_at((SEGMENT + b"\x40\x03")[: 4 + length], 0) is None


def test_a_number_that_begins_with_eight_zeros_is_none() -> None:
    assert element_at(b"\0" + SMALL, 0) is None
    assert element_at(b"\xe0\0" + SMALL, 0) is None
