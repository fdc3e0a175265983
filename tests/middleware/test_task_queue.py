"""A task queue against a model of plain sets."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from middleware.model.chain import Chain
from middleware.model.states import TaskState
from middleware.model.stream import ChunkFacts, Stream
from middleware.model.task_queue import LOOK_AHEAD, LeaseRecord, TaskQueue
from middleware.model.users import QUOTAS, User, Users
from moviola.wire.bitmap import Bitmap
from moviola.wire.schema import Lease

CHUNKS = 30
ACTS = ("come", "lose", "hand_out", "store", "put_back", "deliver", "trouble", "hold", "forget_results", "clear")


def a_user() -> User:
    return Users(QUOTAS, QUOTAS[next(iter(QUOTAS))], ()).named("ann")


def a_record(index: int, number: int) -> LeaseRecord:
    part = Chain("video", ("blur",), False).part("filter", range(1), ("f",))
    return LeaseRecord(Lease(1, number), "w", "j", 0, index, part, b"", 0.0, 0.0)


class Model:
    """The queue, and beside it what it should hold."""

    def __init__(self) -> None:
        self.changes = 0
        self.stream = Stream(0, a_user())
        self.troubled: dict[int, None] = {}
        self.queue = TaskQueue(self.stream, self.troubled, self._changed, self._changed)
        self.here: set[int] = set()
        self.stored: set[int] = set()
        self.leases: dict[int, LeaseRecord] = {}
        self.delivered: set[int] = set()
        self.number = 0

    def _changed(self) -> None:
        self.changes += 1

    @property
    def queued(self) -> set[int]:
        return self.here - self.stored - self.leases.keys() - self.delivered

    def act(self, what: str, index: int) -> None:
        flying = index in self.leases or index in self.delivered
        if what == "come" and index not in self.here:
            self.stream.add(index, ChunkFacts(1 + index % 5, index, 10))
            self.here.add(index)
        elif what == "lose" and index in self.here:
            self.stream.give_up(index)
            self.here.discard(index)
        elif what == "hand_out":
            self._hand_out()
        elif what == "store" and index not in self.stored:
            self.queue.store(index)
            self.stored.add(index)
            self._lands(index)
        elif what == "put_back" and flying:
            self.queue.put_back(index)
            self._lands(index)
        elif what == "deliver" and index in self.leases:
            self.queue.end_lease(self.leases.pop(index), 1.0, delivered=True)
            self.delivered.add(index)
        elif what == "trouble":
            self.troubled[index] = None
            self.queue.put_first(index)
        elif what == "hold":
            self._hold({one for one in self.stored if one % 3})
        elif what == "forget_results":
            self.queue.forget_results()
            self.stored.clear()
        elif what == "clear":
            self.stream.clear()
            self.here.clear()

    def _lands(self, index: int) -> None:
        self.leases.pop(index, None)
        self.delivered.discard(index)

    def _hand_out(self) -> None:
        chosen = next(self.queue.candidates(()), None)
        assert (chosen is None) == (not self.queued)
        if chosen is None:
            return
        assert chosen in self.queued
        troubled = self.queued & self.troubled.keys()
        assert not troubled or chosen in self.queue._returned, "what failed before goes before what is fresh"
        if not self.queue.has_returned:
            assert chosen < min(self.queued) + LOOK_AHEAD, "results come about in order"
        self.number += 1
        self.leases[chosen] = a_record(chosen, self.number)
        self.queue.begin(self.leases[chosen], 0.0)

    def _hold(self, held: set[int]) -> None:
        bitmap = Bitmap()
        for index in held:
            bitmap.add(index)
        pointless = self.queue.hold(bitmap)
        assert pointless == []
        self.stored = held
        self.delivered.clear()

    def check(self) -> None:
        self.stream.validate()
        self.queue.validate()
        assert self.queue.count == len(self.queued)
        assert (self.queue.first() is None) == (not self.queued)
        for index in range(CHUNKS):
            assert (self.queue.state_of(index) is TaskState.QUEUED) == (index in self.queued), index
        assert set(self.queue.in_flight) == self.leases.keys() | self.delivered
        assert self.queue.delivered_count == len(self.delivered)


@example([("come", 0), ("come", 9), ("come", 8), ("hand_out", 0)])  # 8 is no nearer than 9, and was taken for it
@example([("come", 1), ("come", 0), ("trouble", 1), ("hand_out", 0)])  # one that came late lies before one that failed
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, CHUNKS - 1)), max_size=120))
def test_a_queue_agrees_with_plain_sets(acts: list[tuple[str, int]]) -> None:
    model = Model()
    for what, index in acts:
        before = model.changes, len(model.queued), set(model.leases), set(model.stored)
        model.act(what, index)
        model.check()
        if before[1:] != (len(model.queued), set(model.leases), set(model.stored)):
            assert model.changes > before[0], f"{what} changed something and did not say so"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60))
def test_the_longest_of_the_next_few_goes_first(frames: list[int]) -> None:
    stream = Stream(0, a_user())
    queue = TaskQueue(stream, {}, lambda: None, lambda: None)
    for index, count in enumerate(frames):
        stream.add(index, ChunkFacts(count, index, 10))
    left = set(range(len(frames)))
    while left:
        chosen = queue.next_alike()
        near = [index for index in left if index < min(left) + LOOK_AHEAD]
        assert chosen == max(near, key=lambda index: (frames[index], -index))
        queue.begin(a_record(chosen, chosen + 1), 0.0)
        left.discard(chosen)
    assert queue.first() is None
