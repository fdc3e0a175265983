"""Random fleets share chains: every job goes on to its end, or says truly what keeps it from that."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from middleware.events import SendChunk, SendStage
from middleware.model.rules import Rules
from middleware.stages import is_outdated
from moviola.base.build_path import BuildPath, to_text
from moviola.wire.messages import Cause, HandOn, Released, Stored, Task
from moviola.wire.schema import Lease
from tests.middleware.script import Script

FILTERS: Final = ("blur", "edges", "sharpen")
CHUNKS: Final = 4
FLEETS: Final = 200
MAX_STEPS: Final = 400
"""Tasks that a job takes at most here; more of them are done over and over again."""


class Fleet:
    """Workers that do what they are given, and what each step of a task ran under, seen from outside."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.script = Script(rules=Rules(max_losses=10_000))
        self.script.aggregator(9)
        self.script.client(1)
        self.workers: dict[int, tuple[frozenset[str], str]] = {}  # peer → filters, build
        self.results: dict[tuple[int, int], BuildPath] = {}  # (owner epoch, index) → builds
        self._peers = iter(range(100, 10_000))
        self._spooled: dict[int, BuildPath] = {}  # index → builds of what lies between two workers
        self._tasks: dict[Lease, tuple[Task, BuildPath]] = {}  # … and the builds of what came with it
        self._seen = 0

    def join(self) -> None:
        peer = next(self._peers)
        filters = frozenset(self.random.sample(FILTERS, self.random.choice((1, 1, 2, 2, 3))))
        self.workers[peer] = (filters, self.random.choice("ffg"))
        self.script.worker(peer, filters=tuple(sorted(filters)), fingerprint=self.workers[peer][1])
        self.script.tick()

    def leave(self) -> None:
        if self.workers:
            peer = self.random.choice(sorted(self.workers))
            del self.workers[peer]
            self.script.leave(peer)
            self.script.tick()

    def held(self) -> list[tuple[int, Lease]]:
        fleet = self.script.dispatcher.cluster.fleet
        return [
            (worker.peer, lease)
            for worker in fleet.connected()
            for lease, record in worker.held.items()
            if not record.revoked
        ]

    def work(self) -> bool:
        """One task is done. Returns whether there was one."""
        held = self.held()
        if not held:
            return False
        self._look()
        peer, lease = self.random.choice(held)
        task, before = self._tasks[lease]
        filters, build = self.workers[peer]
        steps = [step["name"] for step in task.output["chain"]]
        start, stop = task.stage or (0, len(steps))
        assert set(steps[start:stop]) <= filters
        assert len(before) == start
        builds = before + (build,) * (stop - start)
        assert task.build == to_text(builds)
        if stop == len(steps):
            self.results[task.owner_epoch, task.index] = builds
            self.script.tell(9, Stored(task.job, 0, task.index, "kept", lease, f"w{peer}", 10))
            self.script.tell(peer, Released(lease, "stored"))
        elif self.random.random() < 0.02:
            self.script.tell(peer, Released(lease, "failed", Cause("too-large", "too much")))
        else:
            self._spooled[task.index] = builds
            self.script.tell(peer, HandOn(lease, task.job, 0, task.index, task.tag), size=1000)
            assert self.script.said(peer, Stored)[-1].verdict == "kept"
            self.script.tell(peer, Released(lease, "stored"))
        self.script.tick()
        return True

    def _look(self) -> None:
        """Take note of the tasks that were sent since."""
        for one in self.script.commands[self._seen :]:
            if isinstance(one, SendChunk | SendStage) and isinstance(one.message, Task):
                begun = self._spooled[one.message.index] if isinstance(one, SendStage) else ()
                self._tasks[one.message.lease] = (one.message, begun)
        self._seen = len(self.script.commands)


@pytest.mark.parametrize("seed", range(FLEETS))
def test_a_job_goes_on_or_says_why_not(seed: int) -> None:
    """While workers come and go, another build may take over at another step than those before could choose."""
    random = Random(seed)
    fleet = Fleet(random)
    script = fleet.script
    for _ in range(random.randint(1, 4)):
        fleet.join()
    chain = tuple(random.choices(FILTERS, k=random.choice((2, 3, 3, 4))))
    job = script.submit(chunks=CHUNKS, filters=chain, stages=True)
    for _ in range(random.randint(0, 30)):
        random.choice((fleet.work, fleet.work, fleet.work, fleet.join, fleet.leave))()
    while len(fleet.workers) > 5:
        fleet.leave()
    record = script.dispatcher.cluster.open[job]
    [track] = record.tracks
    for _ in range(MAX_STEPS):
        if not record.owner.holdings_known:  # it has begun again
            script.hold(job)
            script.tick()
        elif not fleet.work():
            if len(track.queue.stored) == CHUNKS or not is_outdated(script.dispatcher.cluster, track):
                break
            script.wait(1)
    else:
        raise AssertionError("it goes on for ever")
    script.tick(1)
    results = {fleet.results[record.owner.epoch, index] for index in track.queue.stored}
    assert len(results) <= 1, "results of one output are of different builds"
    if len(track.queue.stored) < CHUNKS:
        offered = frozenset[str]().union(*(filters for filters, _ in fleet.workers.values()))
        is_missing = not set(chain) <= offered
        assert script.job(1).code == ("no-worker" if is_missing else "too-large"), script.job(1).reason
        assert is_missing or not any(set(chain) <= filters for filters, _ in fleet.workers.values())
