"""Cuts the packets of a stream into blocks, each with one CRC-32: for whoever writes a manifest, and whoever verifies.

Where a block ends is told by the content of its last packet. So it does not depend on what came before, and what a file
lost shifts no block behind it.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Final
from zlib import crc32

BLOCK_MASK: Final = 63
"""A block ends with a packet of whose CRC-32 these bits are 0: every 64th on average."""

MAX_BLOCK: Final = 256
"""The most packets of a block: packets that are all alike, as those of silence, would never end one."""


class Blocks:
    """Adds packets to the units of a stream.

    Args:
        crc: gets the CRC-32 of each unit.
        counts: gets how many packets each has.
        by_blocks: units are blocks; otherwise each packet is one.
    """

    def __init__(self, crc: MutableSequence[int], counts: MutableSequence[int], *, by_blocks: bool) -> None:
        self._crc, self._counts, self.by_blocks = crc, counts, by_blocks
        self.is_open = False

    def add(self, data: memoryview | bytes) -> None:
        """Add the next packet: a unit of its own, or to the block that is open."""
        own = crc32(data)
        if self.is_open:
            self._crc[-1] = crc32(data, self._crc[-1])
            self._counts[-1] += 1
        else:
            self._crc.append(own)
            self._counts.append(1)
        self.is_open = self.by_blocks and bool(own & BLOCK_MASK) and self._counts[-1] < MAX_BLOCK
