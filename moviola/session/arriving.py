"""A source that still comes: its first chunks are sent meanwhile, and all of it is looked at once it is whole.

What a file's beginning tells is nearly always true of all of it, and never taken on trust: when the file is whole, it
is split as any other, and what was sent is compared with that, chunk by chunk. Only then the job is told that it has
all.
"""

from __future__ import annotations

from collections.abc import Iterator

import xxhash

from moviola.media.errors import UnreadableSource
from moviola.media.growing import BrokenOff, ComesLast, GrowingFile
from moviola.media.kinds import check, front
from moviola.media.material import Chunk, Material, Source
from moviola.session.faults import contained_of
from moviola.session.order import Order
from moviola.session.sources import Reader


class OtherThanItBegan(UnreadableSource):
    """The end of a file shows that it is to be cut otherwise than its beginning was: it has to be sent anew."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(name, f"its end shows that {what} is not what its beginning said", "send it again as a whole")


class ArrivingReader:
    """Reads a file chunk by chunk while it comes, waiting for it. Making it waits until the first chunk is settled.

    Args:
        material: of one file.
        growing: the file.
        order: what is wanted of it.

    Raises:
        ComesLast: it has to be whole before anything of it can be cut.
        BrokenOff: it will never be whole.
        UnreadableSource: here and in each method, as of `Reader`; OtherThanItBegan from `next_chunk`.
    """

    def __init__(self, material: Material, growing: GrowingFile, order: Order) -> None:
        self._material, self._growing, self._order = material, growing, order
        self._sent: dict[int, int] = {}  # index of a chunk that was read from the beginning → its xxh3
        self._whole: Reader | None = None
        self.is_other = False  # it ended with OtherThanItBegan
        self.source, self._front = self._begin()
        check(self.source, order.outputs)

    def next_chunk(self) -> Chunk | None:
        """Return the next chunk, None after the last. Once the file is whole, it is read from its beginning: chunks
        that were returned before are returned once more."""
        try:
            return self._of_front() or self._of_whole(self._whole or self._look_at_whole())
        except OtherThanItBegan:
            self.is_other = True
            raise
        except BrokenOff as error:
            raise UnreadableSource(self._material.name, str(error), "send it again") from error

    def rewind(self) -> None:
        """Begin with the first chunk again."""
        if self._whole is None:
            self._front = self._chunks()
        else:
            self._whole.rewind()

    def _begin(self) -> tuple[Source, Iterator[Chunk]]:
        with contained_of(self._material, ComesLast, BrokenOff, OSError, ValueError):
            found = front(self._material, self._growing, self._order.cutting)
        if found is None:
            raise ComesLast(f"nothing of {self._material.name} can be cut before its end")
        return found

    def _chunks(self) -> Iterator[Chunk]:
        yield from self._begin()[1]

    def _of_front(self) -> Chunk | None:
        """Return the next chunk of the file that still comes; None when the file is whole, or its beginning gives no
        more chunks or cannot be read on. What is wrong then shows when the whole file is waited for and read."""
        try:
            chunk = None if self._growing.is_whole else next(self._front, None)
        except Exception:
            return None
        if chunk is not None:
            self._sent[chunk.index] = xxhash.xxh3_64_intdigest(chunk.payload)
        return chunk

    def _look_at_whole(self) -> Reader:
        """Wait until the file is whole and return its reader. Raise OtherThanItBegan where the source is not what the
        file's beginning said, BrokenOff where it will never be whole."""
        self._growing.wait_until_whole()
        self._front = iter(())  # with all that it holds
        whole = Reader(self._material, self._order)
        for name in ("kind", "name", "stream_count", "process"):
            if getattr(whole.source, name) != getattr(self.source, name):
                raise OtherThanItBegan(self._material.name, f"its {name}")
        self._whole, self.source = whole, whole.source
        return whole

    def _of_whole(self, whole: Reader) -> Chunk | None:
        """Return the next chunk of the file that is whole; those that were sent before must be the same."""
        chunk = whole.next_chunk()
        if chunk is None:
            missing = next(iter(self._sent), None)
            if missing is not None:
                raise OtherThanItBegan(self._material.name, f"chunk {missing}")
            return None
        sent = self._sent.pop(chunk.index, None) if chunk.stream == 0 else None
        if sent is not None and sent != xxhash.xxh3_64_intdigest(chunk.payload):
            raise OtherThanItBegan(self._material.name, f"chunk {chunk.index}")
        return chunk
