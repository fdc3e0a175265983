"""An engine without a cluster: what came of each task is said by a script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self

import xxhash

from moviola.engines.engine import Capacity, Ended, Held, Lost, Made, Ticket
from moviola.filters.chain import Step
from moviola.media.computing import Computed, Task
from moviola.media.failing import TaskFailure
from moviola.media.material import Encoder, Output

BUILD = "build-1"

Outcome = Made | TaskFailure | Lost

Script = Callable[[Ticket, Task, bytes], Outcome | None]
"""What comes of a try; None: nothing, as yet."""


def made(payload: bytes, build: str = BUILD) -> Made:
    """Return a whole result."""
    return Made(payload, xxhash.xxh3_64_intdigest(payload), build)


def doubled(_ticket: Ticket, _task: Task, chunk: bytes) -> Outcome:
    """Return the result that these tests expect of a chunk."""
    return made(chunk * 2)


class FakeEngine:
    """Says by `script` what comes of a try, in the order in which tries were started, or the other way round.

    Attributes:
        started: the tries, in order.
        most: how many were on their way at the most, and how many bytes of chunks.
        extra: what else comes back, before all others.
    """

    name = "a fake"
    build = BUILD

    def __init__(
        self, script: Script = doubled, *, slots: int = 2, store_size: int = 0, backwards: bool = False
    ) -> None:
        self._script, self._backwards = script, backwards
        self.capacity = Capacity(slots, store_size)
        self.started: list[tuple[Ticket, Task]] = []
        self.held: list[bytes] = []
        self.assets: Mapping[str, Held] = {}
        self.extra: deque[Ended] = deque()
        self.is_cancelled = False
        self.most = (0, 0)
        self._going: list[tuple[Ticket, Task, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.is_cancelled = True

    def hold(self, payload: bytes | memoryview) -> Held:
        self.held.append(bytes(payload))
        return bytes(payload)

    def start(self, ticket: Ticket, chunk: Held, task: Task, assets: Mapping[str, Held]) -> None:
        assert task.payload == b"", "the payload goes by `hold`"
        self.started.append((ticket, task))
        self._going.append((ticket, task, chunk))
        self.assets = assets
        size = sum(len(each) for _, _, each in self._going)
        self.most = max(self.most[0], len(self._going)), max(self.most[1], size)

    def ended(self, timeout_s: float) -> Iterator[Ended]:
        assert timeout_s > 0
        while self.extra:
            yield self.extra.popleft()
        going = self._going[-1:] if self._backwards else self._going[:1]
        for one in going:
            outcome = self._script(*one)
            if outcome is not None:
                self._going.remove(one)
                yield Ended(one[0], "node", outcome)

    def cancel(self) -> None:
        self.is_cancelled = True


def output(name: str = "out", on_error: str = "original") -> Output:
    return Output(name, (Step("blur", {"radius": 2}),), Encoder(), on_error)


def tasks(payloads: Iterable[bytes], outputs: Iterable[Output] = (output(),)) -> Iterator[Task]:
    """Yield the tasks of chunks of ten frames each."""
    outputs = list(outputs)
    for index, payload in enumerate(payloads):
        for number, each in enumerate(outputs):
            yield Task("video", {}, payload, each, number, index, 10 * index, 10)


def by_place(results: Iterable[Computed]) -> dict[tuple[int, int], bytes]:
    """Return the payloads of results; each place may come once."""
    found: dict[tuple[int, int], bytes] = {}
    for one in results:
        assert (one.output, one.index) not in found, one
        found[one.output, one.index] = bytes(one.payload)
    return found
