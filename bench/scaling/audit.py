"""The farm that OpenCue publishes, through the real dispatcher: each frame is rendered once, and none is lost.

OpenCue's guide "Scheduler Stress Testing" (docs/_docs/developer-guide/scheduler-stress-testing.md in its repository)
describes the phase "drain" of its suite: 300 jobs of 4 layers of 5 frames, 6 000 frames, on 1 200 hosts with 8 tags. A
layer is an output here, a frame is a task, and a tag is a filter that the hosts which have it offer. Its suite books
frames and renders none; its published report has 5 988 of the 6 000 booked, at 975 frames/s. Here every frame is
rendered, in simulated time, and all 6 000 are asked for.
"""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bench.scaling.farm import FIRST_WORKER, STORE, TURN_S, Farm, rules_for, user_of
from middleware.events import Left, Peer
from moviola.wire.messages import Beat, LeaseBeat, Task

FRAME_S: Final = (10.0, 13.0)
"""Simulated time that a frame takes, from … to: so like each other that no healthy frame is taken for a slow one."""

CREDIT: Final = 1
"""Frames that one host may hold: it gets the next one when it is free, as OpenCue's hosts do. With the usual credit of
two, a frame that waited behind another could look slow at the end, when hosts are idle, so that a copy of it is begun.
"""

BEAT_INTERVAL_S: Final = 0.5
IDLE_TURN_S: Final = 0.25
"""The longest time between two turns of the loop."""

GIVEN_UP_S: Final = 1200.0
"""Simulated time after which the jobs should long have ended: without any fault they take about a minute."""

FramePlace = tuple[str, int, int]
"""Job, layer and index."""


class AuditFailed(Exception):
    """A frame was lost, or rendered twice; or a host got what it may not have. The text names it."""


@dataclass(frozen=True, slots=True)
class FarmShape:
    """The jobs and hosts of a run; by default those of OpenCue's suite. Each host and each layer has one tag."""

    jobs: int = 300
    layers: int = 4
    frames: int = 5  # of a layer
    hosts: int = 1_200
    tags: int = 8

    @property
    def all_frames(self) -> int:
        """Frames of all layers of all jobs."""
        return self.jobs * self.layers * self.frames


@dataclass(slots=True)
class Host:
    """A worker that renders one frame after the other."""

    peer: Peer
    tag: str
    held: deque[Task] = field(default_factory=deque)  # the first is being rendered
    is_dead: bool = False


@dataclass(slots=True)
class Ledger:
    """What happened to each frame."""

    lent: Counter[FramePlace] = field(default_factory=Counter)
    rendered: Counter[FramePlace] = field(default_factory=Counter)
    stored: set[FramePlace] = field(default_factory=set)
    lost_with_host: Counter[FramePlace] = field(default_factory=Counter)


class Audit:
    """One run.

    Args:
        shape: of jobs and hosts.
        seed: of the frames' times and of the deaths.
        deaths: hosts that die while they render; every second one without a word, so that only its silence tells.
    """

    def __init__(self, shape: FarmShape, *, seed: int = 0, deaths: int = 0) -> None:
        if not 0 <= deaths < shape.hosts:
            raise ValueError(f"of {shape.hosts} hosts {deaths} cannot die and some be left to render")
        self.shape, self.ledger = shape, Ledger()
        self._random = random.Random(seed)
        self._farm = Farm(replace(rules_for(shape.jobs), credit=CREDIT))
        self._jobs: list[str] = []
        self._hosts: dict[Peer, Host] = {}
        self._due: list[tuple[float, int, Peer, Task]] = []  # when a frame is rendered
        self._number = 0
        self._deaths = deaths
        self._turns = 0
        self._seconds = 0.0

    def run(self) -> dict[str, Any]:
        """Render all frames and return the row's figures. Raises AuditFailed."""
        farm, shape = self._farm, self.shape
        for number in range(shape.jobs):
            layers = [_tag(number + layer, shape) for layer in range(shape.layers)]
            self._jobs.append(farm.submit(shape.frames, user=user_of(number), outputs=layers))
        for number in range(shape.hosts):
            farm.join_workers(1, [_tag(number, shape)])
            peer = FIRST_WORKER + number
            self._hosts[peer] = Host(peer, _tag(number, shape))
        begun_at, ended = farm.now, 0
        dying = self._dying()
        beat_at = farm.now
        while ended < shape.jobs:
            if farm.now - begun_at > GIVEN_UP_S:
                late = f"{shape.jobs - ended} jobs have not ended after {GIVEN_UP_S:.0f} s"
                raise AuditFailed(f"{late}; {self._missing()}")
            if farm.now >= beat_at:
                beat_at += BEAT_INTERVAL_S
                self._beat()
            while dying and farm.now >= dying[0][0]:
                _, peer, is_silent = dying.pop(0)
                self._die(self._hosts[peer], is_silent=is_silent)
            self._turn()
            ended += farm.answer_finishes()
        farm.turn()
        self._check()
        return {
            "jobs": shape.jobs,
            "workers": shape.hosts,
            "chunks": shape.frames,
            "outputs": shape.layers,
            "lives_per_tick": round(shape.all_frames / self._turns, 1),
            "us_per_task": self._seconds / shape.all_frames * 1e6,
            "tasks": shape.all_frames,
            "lives": shape.all_frames,
            "rendered_once": sum(count == 1 for count in self.ledger.rendered.values()),
            "lost": shape.all_frames - len(self.ledger.stored),
            "lent_again": sum(self.ledger.lent.values()) - shape.all_frames,
            "hosts_died": self._deaths,
            "simulated_s": farm.now - begun_at,
        }

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        """Move the time to the next finished frame, by IDLE_TURN_S at most; give the dispatcher the results, and end a
        turn of its loop."""
        farm = self._farm
        soon = farm.now + IDLE_TURN_S
        farm.now = min(soon, self._due[0][0] + TURN_S) if self._due else soon
        finished = []
        while self._due and self._due[0][0] <= farm.now:
            _, _, peer, task = heapq.heappop(self._due)
            host = self._hosts[peer]
            if not host.is_dead:
                finished.append((host, task))
        before = time.process_time()
        for host, task in finished:
            place = _place(task)
            self.ledger.rendered[place] += 1
            is_first = place not in self.ledger.stored
            self.ledger.stored.add(place)
            verdict = "kept" if is_first else "duplicate"
            farm.store(host.peer, task, verdict)
            farm.release(host.peer, task.lease, "stored" if is_first else "duplicate")
        farm.tick()
        self._seconds += time.process_time() - before
        self._turns += bool(finished)
        for host, task in finished:
            host.held.remove(task)
            self._render_next(host)
        self._deliver()

    def _deliver(self) -> None:
        """Have the hosts take the frames that were handed out to them. Raise AuditFailed for one that a host may not
        have."""
        farm = self._farm
        while farm.lent:
            peer, task = farm.lent.popleft()
            host = self._hosts[peer]
            wanted = task.output["chain"][0]["name"]
            if wanted != host.tag:
                raise AuditFailed(f"frame {_place(task)} wants {wanted}; its host {peer} has only {host.tag}")
            self.ledger.lent[_place(task)] += 1
            if host.is_dead:
                self.ledger.lost_with_host[_place(task)] += 1
                continue
            host.held.append(task)
            if len(host.held) > farm.rules.credit:
                raise AuditFailed(f"host {peer} holds {len(host.held)} frames; it may hold {farm.rules.credit}")
            if len(host.held) == 1:
                self._render_next(host)

    def _render_next(self, host: Host) -> None:
        if host.held:
            self._number += 1
            seconds = self._random.uniform(*FRAME_S)
            heapq.heappush(self._due, (self._farm.now + seconds, self._number, host.peer, host.held[0]))

    def _beat(self) -> None:
        self._farm.tell(STORE, Beat())
        for host in self._hosts.values():
            if not host.is_dead:
                phases = ("computing", *["waiting"] * len(host.held))
                self._number += 1  # so that every sign of life shows progress
                told = zip(host.held, phases, strict=False)
                leases = [LeaseBeat(task.lease, phase, 0, self._number) for task, phase in told]
                self._farm.tell(host.peer, Beat(leases))

    def _dying(self) -> list[tuple[float, Peer, bool]]:
        """Return when each host that is to die does so, within twice the longest time of a frame: (simulated time,
        host, whether it dies without a word)."""
        chosen = self._random.sample(sorted(self._hosts), self._deaths)
        times = sorted(self._farm.now + self._random.uniform(1.0, 2 * FRAME_S[1]) for _ in chosen)
        return [(at, peer, number % 2 == 1) for number, (at, peer) in enumerate(zip(times, chosen, strict=True))]

    def _die(self, host: Host, *, is_silent: bool) -> None:
        host.is_dead = True
        self.ledger.lost_with_host.update(map(_place, host.held))
        host.held.clear()
        if not is_silent:
            farm = self._farm
            farm.take(farm.dispatcher.handle(Left(host.peer, "the host has died"), farm.now))

    # ── the audit ────────────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        """Raise AuditFailed unless each frame of each job was rendered once, all are stored, and all jobs are done."""
        ledger, shape = self.ledger, self.shape
        wanted = {
            (job, layer, index) for job in self._jobs for layer in range(shape.layers) for index in range(shape.frames)
        }
        if len(wanted) != shape.all_frames:
            raise AuditFailed(f"{len(wanted)} frames were asked for, not {shape.all_frames}")
        if ledger.stored != wanted:
            raise AuditFailed(f"{len(ledger.stored - wanted)} frames were made that nobody wants; {self._missing()}")
        again = {place: count for place, count in ledger.rendered.items() if count != 1}
        if again:
            raise AuditFailed(f"{len(again)} frames were not rendered once, such as {next(iter(again.items()))}")
        for place, count in ledger.lent.items():
            if count != 1 + ledger.lost_with_host[place]:
                deaths = ledger.lost_with_host[place]
                raise AuditFailed(f"frame {place} was handed out {count} times, and its host died {deaths} times")
        unfinished = {job: self._farm.states.get(job) for job in self._jobs if self._farm.states.get(job) != "done"}
        if unfinished:
            raise AuditFailed(f"{len(unfinished)} clients were not told that their job is done, such as {unfinished}")

    def _missing(self) -> str:
        return f"{self.shape.all_frames - len(self.ledger.stored)} frames of {self.shape.all_frames} are lost"


def measure(seed: int = 0, deaths: int = 0, **shape: int) -> dict[str, Any]:
    """Return the row's figures from one run of OpenCue's shape, or of another one."""
    return Audit(FarmShape(**shape), seed=seed, deaths=deaths).run()


def _tag(number: int, shape: FarmShape) -> str:
    return f"tag{number % shape.tags}"


def _place(task: Task) -> FramePlace:
    return task.job, task.track, task.index
