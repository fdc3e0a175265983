"""Files that are read at any place, and whose bytes come from elsewhere."""

from __future__ import annotations

import io


class RandomReads(io.RawIOBase):
    """The base of files whose bytes come from elsewhere: keeps the size and the position; subclasses read there.

    Args:
        size: of the file, in bytes.
        name: of the file, for sentences.
    """

    def __init__(self, size: int, name: str) -> None:
        super().__init__()
        self.size, self._name = size, name
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, as files do; bytes are only fetched when they are read. Raises ValueError for a position
        before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"there is nothing {-(base + offset)} bytes before the beginning of {self._name}")
        self._at = base + offset
        return self._at
