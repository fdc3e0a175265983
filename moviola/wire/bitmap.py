"""Sets of chunk indexes, sent as bytes: index i is bit i mod 8, from the low end, of byte i div 8."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Final

BLOCK: Final = 1024
"""Indexes in one block. 100 000 chunks take 98 blocks of about 250 bytes. A block with a single index is as large,
which is still less than what else is kept of that chunk."""


class Bitmap:
    """A set of indexes from 0, kept in blocks of bits.

    Only blocks that contain an index take memory and time, so an index costs the same wherever it is.

    Args:
        data: the bytes of a bitmap, as `to_wire` makes them.
    """

    __slots__ = ("_blocks", "_order", "count")

    def __init__(self, data: bytes = b"") -> None:
        self._blocks: dict[int, int] = {}  # a block's number → its bits, never 0
        self.count = 0
        step = BLOCK // 8
        for start in range(0, len(data), step):
            bits = int.from_bytes(data[start : start + step], "little")
            if bits:
                self._blocks[start // step] = bits
                self.count += bits.bit_count()
        self._order = list(self._blocks)  # the blocks' numbers, in order

    @classmethod
    def full(cls, count: int) -> Bitmap:
        """Return the bitmap of all indexes below `count`."""
        return cls(((1 << count) - 1).to_bytes((count + 7) // 8, "little"))

    def __contains__(self, index: int) -> bool:
        return bool(self._blocks.get(index // BLOCK, 0) >> index % BLOCK & 1)

    @property
    def end(self) -> int:
        """Return one more than the largest index; 0 for an empty bitmap."""
        return BLOCK * self._order[-1] + self._blocks[self._order[-1]].bit_length() if self._order else 0

    def add(self, index: int) -> bool:
        """Add an index. Return False if it was there already."""
        number, bit = index // BLOCK, 1 << index % BLOCK
        bits = self._blocks.get(number, 0)
        if bits & bit:
            return False
        if not bits:
            insort(self._order, number)
        self._blocks[number] = bits | bit
        self.count += 1
        return True

    def discard(self, index: int) -> bool:
        """Remove an index. Return False if it was not there."""
        number, bit = divmod(index, BLOCK)
        bits = self._blocks.get(number, 0)
        if not bits >> bit & 1:
            return False
        self._blocks[number] = bits = bits & ~(1 << bit)
        if not bits:
            del self._blocks[number]
            del self._order[bisect_left(self._order, number)]
        self.count -= 1
        return True

    def __iter__(self) -> Iterator[int]:
        for number in self._order:
            yield from _indexes(number, self._blocks[number])

    def __len__(self) -> int:
        return self.count

    def first_not_in(self, other: Bitmap, start: int = 0) -> int | None:
        """Return the lowest index from `start` on that is in this bitmap and not in `other`; None if there is none."""
        first, bit = divmod(start, BLOCK)
        bits = (self._blocks.get(first, 0) & ~other._blocks.get(first, 0)) >> bit
        if bits & 1:  # the usual case
            return start
        if bits:  # much cheaper than to search for the block
            return start + _lowest(bits)
        for position in range(bisect_left(self._order, first), len(self._order)):
            number = self._order[position]
            bits = self._blocks[number] & ~other._blocks.get(number, 0)
            if number == first:
                bits = bits >> bit << bit
            if bits:
                return BLOCK * number + _lowest(bits)
        return None

    def count_not_in(self, other: Bitmap) -> int:
        """Return how many indexes are in this bitmap and not in `other`."""
        return sum((bits & ~other._blocks.get(number, 0)).bit_count() for number, bits in self._blocks.items())

    def in_all(self, others: Sequence[Bitmap]) -> Iterator[int]:
        """Yield the indexes that are in this bitmap and in all `others`, in order. None of these may change
        meanwhile."""
        for number in self._order:
            bits = self._blocks[number]
            for other in others:
                bits &= other._blocks.get(number, 0)
            yield from _indexes(number, bits)

    def union(self, other: Bitmap) -> Bitmap:
        """Return a new bitmap with the indexes of both."""
        both = Bitmap()
        both._blocks = dict(self._blocks)
        for number, bits in other._blocks.items():
            both._blocks[number] = both._blocks.get(number, 0) | bits
        both._order = sorted(both._blocks)
        both.count = sum(bits.bit_count() for bits in both._blocks.values())
        return both

    def part(self, start: int, stop: int) -> tuple[int, bytes]:
        """Return `(offset, data)`: the bytes of the bitmap from `start` to `stop`, without zero bytes at either end.

        If `start` is 0, zero bytes at the beginning stay, and the offset is 0.

        Args:
            start: the first byte.
            stop: the byte behind the last one.
        """
        step = BLOCK // 8
        numbers = self._order[bisect_left(self._order, start // step) : bisect_left(self._order, -(-stop // step))]
        if not numbers:
            return start, b""
        low = numbers[0] * step
        data = bytearray((numbers[-1] - numbers[0] + 1) * step)
        for number in numbers:
            data[number * step - low : (number + 1) * step - low] = self._blocks[number].to_bytes(step, "little")
        begin = max(start, low)
        bits = bytes(data[begin - low : stop - low]).rstrip(b"\0")
        if not start:
            return 0, bytes(begin) + bits
        stripped = bits.lstrip(b"\0")
        return begin + len(bits) - len(stripped), stripped

    def merge(self, first: int, bits: bytes) -> None:
        """Add the indexes of a part of another bitmap.

        Args:
            first: the index that the lowest bit stands for; a multiple of 8.
            bits: the bytes of that part.
        """
        step = BLOCK // 8
        data = bytes(first % BLOCK // 8) + bits
        for start in range(0, len(data), step):
            new = int.from_bytes(data[start : start + step], "little")
            number = first // BLOCK + start // step
            before = self._blocks.get(number, 0)
            if new and not before:
                insort(self._order, number)
            if new:
                self._blocks[number] = before | new
                self.count += (before | new).bit_count() - before.bit_count()

    def to_wire(self) -> bytes:
        """Return the bitmap as bytes, up to the byte with the largest index."""
        data = bytearray((self.end + 7) // 8)
        step = BLOCK // 8
        for number, bits in self._blocks.items():
            part = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
            data[number * step : number * step + len(part)] = part
        return bytes(data)


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _indexes(number: int, bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield BLOCK * number + lowest.bit_length() - 1
        bits ^= lowest
