"""One stream of a job's source: which of its chunks are known, which of them are here, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moviola.wire.bitmap import Bitmap

from .users import Resource, User

if TYPE_CHECKING:
    from .task_queue import TaskQueue


class ChunkFacts(NamedTuple):
    """What is known of a chunk: `frame_count` frames, the xxh3 of its payload, and its bytes in the spool; 0 bytes
    where it was given up."""

    frame_count: int
    xxh3: int
    size: int


class Stream:
    """The chunks of one stream. It charges them to the job's user, and tells the queues of the tracks that read it.

    `here` are the chunks in the spool; `freed` those that were here, are stored everywhere, and were given up for room.
    """

    __slots__ = ("_facts", "_user", "frame_count", "freed", "here", "number", "queues", "spooled_bytes")

    def __init__(self, number: int, user: User) -> None:
        self.number, self._user = number, user
        self.queues: list[TaskQueue] = []
        self.here, self.freed = Bitmap(), Bitmap()
        self._facts: dict[int, ChunkFacts] = {}
        self.frame_count = self.spooled_bytes = 0

    def __len__(self) -> int:
        """Return how many chunks a client need not send."""
        return self.here.count + self.freed.count

    @property
    def known_count(self) -> int:
        """Return of how many chunks something is known."""
        return len(self._facts)

    def facts(self, index: int) -> ChunkFacts | None:
        """Return what is known of a chunk; None where it never came."""
        return self._facts.get(index)

    def frames_of(self, index: int) -> int:
        """Return the frames of a chunk; 0 where it never came."""
        facts = self._facts.get(index)
        return 0 if facts is None else facts.frame_count

    def size_of(self, index: int) -> int:
        """Return the bytes of a chunk that is here."""
        return self._facts[index].size

    def frames_among(self, indexes: Bitmap) -> int:
        """Return the frames of all known chunks that are among `indexes`."""
        return sum(facts.frame_count for index, facts in self._facts.items() if index in indexes)

    def first_frame_of(self, index: int) -> int | None:
        """Return how many frames come before a chunk; None where one of the chunks before it never came."""
        if any(earlier not in self._facts for earlier in range(index + 1)):
            return None
        return sum(self._facts[earlier].frame_count for earlier in range(index))

    def add(self, index: int, facts: ChunkFacts) -> None:
        """A chunk is here that was not."""
        before = self._facts.get(index)
        frames_before = 0 if before is None else before.frame_count
        self._facts[index] = facts
        self.here.add(index)
        self.freed.discard(index)
        self.frame_count += facts.frame_count - frames_before
        self._charge(1 if before is None else 0, facts.size)
        for queue in self.queues:
            queue.chunk_came(index, frames_before)

    def forget(self, index: int) -> None:
        """Undo `add`: the chunk could not be kept."""
        facts = self._facts.pop(index)
        self.here.discard(index)
        self.frame_count -= facts.frame_count
        self._charge(-1, -facts.size)
        for queue in self.queues:
            queue.chunk_went(index, facts.frame_count)

    def give_up(self, index: int) -> None:
        """Let a chunk go whose tasks are stored, or that is lost."""
        facts = self._facts[index]
        self._facts[index] = facts._replace(size=0)
        self.here.discard(index)
        self.freed.add(index)
        self._charge(0, -facts.size)
        for queue in self.queues:
            queue.chunk_went(index)

    def miss_freed(self) -> bool:
        """Forget that chunks were given up of which a task is not stored; return whether there are any."""
        missed = False
        for index in list(self.freed):
            if not self.queues or not all(index in queue.stored for queue in self.queues):  # without a track: a file
                missed = self.freed.discard(index)
        return missed

    def free_stored(self, limit_bytes: int) -> list[int]:
        """Give up chunks that are stored on all tracks, about `limit_bytes` of them; return their indexes."""
        chosen = []
        for index in self.here.in_all([queue.stored for queue in self.queues]):
            if limit_bytes <= 0:
                break
            limit_bytes -= self._facts[index].size
            chosen.append(index)
        for index in chosen:
            self.give_up(index)
        return chosen

    def clear(self) -> None:
        """Forget all chunks."""
        self._charge(-len(self._facts), -self.spooled_bytes)
        self.here, self.freed, self._facts = Bitmap(), Bitmap(), {}
        self.frame_count = 0
        for queue in self.queues:
            queue.chunks_went()

    def _charge(self, chunks: int, size: int) -> None:
        """Count chunks that are known, and bytes of them that are spooled: the only writer of both."""
        self.spooled_bytes += size
        self._user.charge(Resource.CHUNKS, chunks)
        self._user.charge(Resource.SPOOL_BYTES, size)

    def validate(self) -> None:
        """Raise AssertionError where what is counted is not what is there."""
        assert self.spooled_bytes == sum(facts.size for facts in self._facts.values())
        assert self.frame_count == sum(facts.frame_count for facts in self._facts.values())
        assert all(index in self._facts and index not in self.freed for index in self.here)
