"""Which chunks: a set of indexes that travels as bytes: bit i mod 8, from the low end, of byte i div 8."""

from __future__ import annotations

from collections.abc import Iterator


class Bitmap:
    """A set of indexes from 0. Its memory is one bit an index up to the largest."""

    __slots__ = ("_bits", "count")

    def __init__(self, data: bytes = b"") -> None:
        self._bits = bytearray(data.rstrip(b"\0"))  # the last byte is never 0
        self.count = sum(byte.bit_count() for byte in data)

    def __contains__(self, index: int) -> bool:
        byte = index >> 3
        return byte < len(self._bits) and bool(self._bits[byte] >> (index & 7) & 1)

    @property
    def end(self) -> int:
        """One more than the largest index; 0 when there is none."""
        return 8 * (len(self._bits) - 1) + self._bits[-1].bit_length() if self._bits else 0

    def add(self, index: int) -> bool:
        """Returns False when it was there already."""
        if index in self:
            return False
        byte = index >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits)))
        self._bits[byte] |= 1 << (index & 7)
        self.count += 1
        return True

    def discard(self, index: int) -> bool:
        """Returns False when it was not there."""
        if index not in self:
            return False
        self._bits[index >> 3] &= ~(1 << (index & 7))
        while self._bits and not self._bits[-1]:
            self._bits.pop()
        self.count -= 1
        return True

    def __iter__(self) -> Iterator[int]:
        for number, byte in enumerate(self._bits):
            if byte:
                yield from (number * 8 + bit for bit in range(8) if byte >> bit & 1)

    def __len__(self) -> int:
        return self.count

    def to_wire(self) -> bytes:
        return bytes(self._bits)
