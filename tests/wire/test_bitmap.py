"""Bitmaps against Python's own sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wire.bitmap import Bitmap

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 100)))


@given(STEPS)
def test_it_is_a_set(steps: list[tuple[bool, int]]) -> None:
    bitmap, model = Bitmap(), set[int]()
    for adds, index in steps:
        if adds:
            assert bitmap.add(index) == (index not in model)
            model.add(index)
        else:
            assert bitmap.discard(index) == (index in model)
            model.discard(index)
    assert list(bitmap) == sorted(model)
    assert len(bitmap) == bitmap.count == len(model)
    assert list(Bitmap(bitmap.to_wire())) == sorted(model)


def test_its_bytes_are_as_the_protocol_says() -> None:
    bitmap = Bitmap()
    for index in (0, 9, 16):
        bitmap.add(index)
    assert bitmap.to_wire() == b"\x01\x02\x01"
