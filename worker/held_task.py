"""Who a worker process is, and what it holds of a lease."""

from __future__ import annotations

from dataclasses import dataclass, field

from moviola.base.mapped import Map
from moviola.base.vocabulary import LeasePhase
from moviola.media import material
from moviola.wire.framing import Buffer
from moviola.wire.messages import HandOn, HeldLease, LeaseBeat, Released, Result, Task
from moviola.wire.transitions import changed

from .events import MIDDLEWARE, ServerId
from .states import PHASE_TRANSITIONS, Phase


@dataclass(frozen=True, slots=True)
class Identity:
    """What a worker process says of itself (see WorkerDetails); `session` is new in each process, `token` is its
    parent's."""

    name: str
    session: str
    filters: tuple[Map, ...]
    kinds: tuple[str, ...]
    fingerprint: str
    host: str = ""
    process_id: int = 0
    token: str = field(default="", repr=False)
    labels: tuple[str, ...] = ()
    lacks: dict[str, str] = field(default_factory=dict)


def fault_of(task: Task) -> str:
    """Return a sentence about why no worker could do a task; empty if it can at least be tried."""
    chain, stage = task.output.get("chain", []), task.stage
    if not task.owner:
        return "the task names no store for its result"
    if not isinstance(chain, list):
        return f"the task's chain of filters is {chain!r:.80}, which is no list"
    if stage and not (len(stage) == 2 and stage[0] < stage[1] <= len(chain)):
        return f"the task's stage is {stage!r:.80}; it must be two steps of a chain of {len(chain)}"
    return ""


@dataclass(slots=True, eq=False)
class HeldTask:
    """A lease and what this worker has of it: the chunk while it waits, the result until its verdict."""

    task: Task
    chunk: Buffer | None
    phase: Phase = Phase.WAITING
    frames: int = 0
    steps: int = 0
    result: material.Result | None = None
    is_sent: bool = False  # over the store's present connection
    released: Released | None = None

    def become(self, phase: Phase) -> None:
        """Go on to another phase. Raises IllegalTransition where the table does not allow it."""
        self.phase = changed(PHASE_TRANSITIONS, self.phase, phase)

    @property
    def is_last(self) -> bool:
        """Whether what comes of it is a result: all filters are done then."""
        stage = self.task.stage
        return not stage or stage[-1] == len(self.task.output.get("chain", ()))

    @property
    def destination(self) -> ServerId:
        """Who gets what comes of it: the store, or the middleware where another worker goes on."""
        return self.task.owner if self.is_last else MIDDLEWARE

    @property
    def told_phase(self) -> LeasePhase:
        """Return the phase as others know it. A lease that is over counts as being delivered until they hear of it."""
        return LeasePhase.DELIVERING if self.phase is Phase.RELEASING else LeasePhase(self.phase.value)

    def beat(self) -> LeaseBeat:
        """Return what a heartbeat tells of this lease."""
        return LeaseBeat(self.task.lease, self.told_phase, self.frames, self.steps)

    def held(self) -> HeldLease:
        """Return what the Hello of a returning worker tells of this lease."""
        task = self.task
        return HeldLease(
            lease=task.lease,
            job=task.job,
            track=task.track,
            index=task.index,
            owner_epoch=task.owner_epoch,
            phase=self.told_phase,
            mode=task.mode,
            stage=task.stage,
            build=task.build,
            tag=task.tag,
        )

    def message(self) -> Result | HandOn:
        """What goes to its destination; its payload is `result.payload`."""
        task, result = self.task, self.result
        assert result is not None
        if not self.is_last:
            return HandOn(task.lease, task.job, task.track, task.index, task.tag)
        return Result(
            lease=task.lease,
            job=task.job,
            track=task.track,
            index=task.index,
            owner_epoch=task.owner_epoch,
            build=result.fingerprint,
            frames_in=result.frames_in,
            frames_out=result.frames_out,
            fallback_frames=result.fallback_frames,
            lost_frames=result.lost_frames,
            damaged_frames=result.damaged_frames,
            content=result.content,
            mode=task.mode,
            stage=task.stage,
            tag=task.tag,
        )

    def __str__(self) -> str:
        task = self.task
        return f"lease {task.lease} (job {task.job}, track {task.track}, chunk {task.index}, {self.phase.value})"
