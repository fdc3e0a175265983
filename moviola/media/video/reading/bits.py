"""Reads numbers bit by bit, as the headers of codecs have them."""

from __future__ import annotations


class Bits:
    """Reads numbers out of bytes, from the first bit on. What would lie behind their end raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        if count > self._left:
            raise ValueError("the bits end here")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def number(self) -> int:
        """Return the next number of type ue(v) (ITU-T H.264, 9.1)."""
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        self.take(zeros)
        return self.take(zeros + 1) - 1

    def signed(self) -> int:
        """Return the next number of type se(v) (ITU-T H.264, 9.1.1)."""
        number = self.number()
        return (number + 1) // 2 if number & 1 else -(number // 2)
