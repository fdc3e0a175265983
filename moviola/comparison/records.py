"""What a comparison has found so far: one record, as `--json`, the gateway and Python tell it."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from moviola.base.mapped import Mapped
from moviola.base.records import record


class Mode(StrEnum):
    """A way to do the same job."""

    SEQUENTIAL = "sequential"  # one process, one chunk after another
    THREADS = "threads"  # one process, several threads
    PROCESSES = "processes"  # several processes of this machine
    DISTRIBUTED = "distributed"  # the workers of a cluster


class State(StrEnum):
    """How far a comparison is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # a mode failed, or a result differs
    CANCELLED = "cancelled"


@record
class Round(Mapped):
    """What one round of one mode took.

    Attributes:
        number: of the round, from 1.
        seconds (s): from opening the source to the finished files.
        cpu_seconds (s): of all processes that took part, user and system time.
        peak_memory (bytes): the most that these processes had resident together at one time.
        other_cores (cores): how many cores the rest of the machine kept busy meanwhile, on average.
    """

    number: int
    seconds: float
    cpu_seconds: float
    peak_memory: int
    other_cores: float


@record
class ModeFigures(Mapped):
    """What the counted rounds of one mode took.

    Attributes:
        mode: which.
        workers: threads, processes or workers that compute.
        rounds: that have ended, in order; those to warm up are not among them.
        seconds (s): the median over the rounds; nil before the first has ended, as are the others.
        seconds_min (s): of the fastest round.
        seconds_max (s): of the slowest round.
        per_second: frames, images or records a second, at the median.
        speed_up: how many times as fast as `sequential`, at the medians; nil where that does not take part.
        cpu_seconds (s): the median over the rounds.
        peak_memory (bytes): the highest of the rounds.
    """

    mode: Mode
    workers: int
    rounds: list[Round] = field(default_factory=list)
    seconds: float | None = None
    seconds_min: float | None = None
    seconds_max: float | None = None
    per_second: float | None = None
    speed_up: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None


@record
class Comparison(Mapped):
    """A comparison, as far as it is.

    Attributes:
        source: its name.
        kind: of material: `video`, `images`, `table`.
        unit: what is counted: `frame`, `image`, `record`.
        filters: the chains, one an output.
        iterations: rounds of each mode that count.
        warm_ups: rounds of each mode before these, which do not count.
        cores: of this machine, that this process may use.
        state: how far it is.
        reason: why it has failed or was cancelled; empty otherwise.
        count: frames, images or records of the source; 0 before the first round has ended.
        chunks: into how many the source is cut; 0 before the first round has ended.
        mode: what is measured now; empty when it is over.
        round: of that mode, from 1.
        is_warm_up: it does not count: the rounds to warm up have numbers of their own, and come first.
        share: of all rounds that is done, 0 to 1.
        results: rounds whose digests were compared, the rounds to warm up among them.
        digests: of the result, by output: the same in every round of every mode.
        modes: what each took.
        remarks: what is to be known of the figures, in sentences.
    """

    source: str
    kind: str
    unit: str
    filters: list[str]
    iterations: int
    warm_ups: int
    cores: int
    state: State = State.RUNNING
    reason: str = ""
    count: int = 0
    chunks: int = 0
    mode: str = ""
    round: int = 0
    is_warm_up: bool = False
    share: float = 0.0
    results: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    modes: list[ModeFigures] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
