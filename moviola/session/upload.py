"""Which chunks of a source are there, on their way, or still to be sent: the bookkeeping of one upload."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from moviola.media.material import Chunk
from moviola.wire.bitmap import Bitmap
from moviola.wire.limits import MIB

WINDOW_SIZE: Final = 64 * MIB
"""Payload bytes sent and not yet accepted, whatever room the middleware has: they stay here in memory until then."""


class Upload:
    """Chunks come from the source in order, go out within the window, and are accepted in the order they went.

    Beside the window at most one chunk is held, which waits for room.

    Args:
        stream_count: how many streams the source has, with that of the files that filters name.
        window_size: payload bytes that may be sent and not accepted yet; one chunk always may.
    """

    def __init__(self, stream_count: int, window_size: int = WINDOW_SIZE) -> None:
        self._window_size = window_size
        self._have = [Bitmap() for _ in range(stream_count)]  # accepted, as far as we know
        self._position = [0] * stream_count  # chunks pulled of each stream
        self._unsent: deque[Chunk] = deque()
        self._sent: deque[Chunk] = deque()  # not accepted yet
        self._sent_size = 0
        self._accepted = 0  # over this connection
        self._pulling = self._exhausted = False

    # ── the middleware's side ────────────────────────────────────────────────────────────────────────────────────

    def begin_again(self) -> None:
        """Another connection: what was on its way on the old one is to be sent once more, unless it arrived."""
        self._unsent.extendleft(reversed(self._sent))
        self._sent.clear()
        self._sent_size = self._accepted = 0

    def acknowledge(self, accepted: int) -> bool:
        """So many chunks of this connection have arrived; True when that is news."""
        before = self._accepted
        while self._accepted < accepted and self._sent:
            chunk = self._sent.popleft()
            self._sent_size -= len(chunk.payload)
            self._have[chunk.stream].add(chunk.index)
            self._accepted += 1
        return self._accepted > before

    def continue_from(self, have: Sequence[bytes]) -> bool:
        """The middleware says which chunks it has, a bitmap a stream. True when the source must be read again from
        its beginning, because a chunk that was pulled is neither there nor here."""
        streams = len(self._have)
        self._have = [Bitmap(bits) for bits in have[:streams]]
        self._have += [Bitmap() for _ in range(streams - len(self._have))]
        self._unsent = deque(chunk for chunk in self._unsent if not self._is_there(chunk))
        here = {(chunk.stream, chunk.index) for chunk in (*self._sent, *self._unsent)}
        for stream, position in enumerate(self._position):
            if any(index not in self._have[stream] and (stream, index) not in here for index in range(position)):
                self._unsent.clear()
                self._position = [0] * streams
                self._pulling = self._exhausted = False
                return True
        return False

    @property
    def all_accepted(self) -> bool:
        """True when every chunk of the source is in the middleware's ledger."""
        return self._exhausted and not self._unsent and not self._sent

    # ── the source's side ────────────────────────────────────────────────────────────────────────────────────────

    def wants_chunk(self) -> bool:
        """Return True if the next chunk is to be read from the source now; it counts as being read until `pulled`.
        False while a chunk waits here, the window is full, or the source is at its end."""
        if self._unsent or self._pulling or self._exhausted or self._sent_size >= self._window_size:
            return False
        self._pulling = True
        return True

    def pulled(self, chunk: Chunk) -> None:
        """The source's next chunk; it is left out where it need not be sent."""
        self._pulling = False
        self._position[chunk.stream] = chunk.index + 1
        on_its_way = any((sent.stream, sent.index) == (chunk.stream, chunk.index) for sent in self._sent)
        if not self._is_there(chunk) and not on_its_way:
            self._unsent.append(chunk)

    def exhausted(self) -> None:
        """The source has no more."""
        self._pulling, self._exhausted = False, True

    def take(self, room_size: int) -> list[Chunk]:
        """The chunks to send now, when `room_size` bytes may be on their way; one may be when none is and there is
        any room at all."""
        taken = []
        while self._unsent and self._fits(len(self._unsent[0].payload), room_size):
            chunk = self._unsent.popleft()
            self._sent.append(chunk)
            self._sent_size += len(chunk.payload)
            taken.append(chunk)
        return taken

    def chunk_counts(self) -> list[int] | None:
        """How many chunks each stream has, once all of them have been sent."""
        return list(self._position) if self._exhausted and not self._unsent else None

    def forget(self) -> None:
        """Nothing will be sent any more: gives the memory back."""
        self._unsent.clear()
        self._sent.clear()
        self._sent_size = 0

    def _fits(self, size: int, room_size: int) -> bool:
        if not self._sent:
            return room_size > 0
        return self._sent_size + size <= min(room_size, self._window_size)

    def _is_there(self, chunk: Chunk) -> bool:
        return chunk.index in self._have[chunk.stream]

    def validate(self) -> None:
        """What must hold after every event; for tests and the simulation."""
        assert self._sent_size == sum(len(chunk.payload) for chunk in self._sent)
        assert len(self._sent) <= 1 or self._sent_size <= self._window_size
        assert not (self._pulling and self._exhausted)
