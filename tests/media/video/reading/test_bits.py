"""Numbers in headers of codecs, by bits written by hand."""

from __future__ import annotations

import pytest

from moviola.media.video.reading.bits import Bits


def bits(text: str) -> Bits:
    """Those of a text of ones and zeros, which fill whole bytes."""
    assert len(text) % 8 == 0
    return Bits(int(text, 2).to_bytes(len(text) // 8, "big"))


def test_numbers_of_any_count_of_bits_follow_each_other() -> None:
    read = bits("1010011000000001")
    assert [read.take(count) for count in (1, 3, 0, 4, 8)] == [1, 2, 0, 6, 1]


@pytest.mark.parametrize(
    ("text", "number"), [("1", 0), ("010", 1), ("011", 2), ("00100", 3), ("00111", 6), ("0001000", 7)]
)
def test_numbers_of_variable_length_are_those_of_table_9_2(text: str, number: int) -> None:
    read = bits(text.ljust(7, "0") + "1")
    assert read.number() == number


def test_signed_numbers_take_turns_about_zero() -> None:
    read = bits("1" + "010" + "011" + "00100" + "00101" + "0" * 7)
    assert [read.signed() for _ in range(5)] == [0, 1, -1, 2, -2]


def test_behind_the_end_there_is_nothing() -> None:
    read = Bits(b"\xff")
    assert read.take(8) == 255
    with pytest.raises(ValueError, match="end here"):
        read.take(1)
    for empty in (read, Bits(b""), Bits(b"\0\0")):
        with pytest.raises(ValueError, match="end here"):
            empty.number()
