"""What is counted of a track's tasks: the only writer of these counts is the track."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_LATENCIES: Final = 4096
"""Hand-out-to-stored times kept a track, evenly spaced over its chunks: 16 KiB when sent, of 64 outputs 1 MiB; a p99 of
so many is between 41 and 42 of them."""


MAX_RETRIED: Final = 1024
"""Tasks a track whose retries are told one by one: 20 KiB when sent, of 64 outputs 1.3 MiB. A manifest says of the
others that they were made at the first try."""


@dataclass(slots=True, eq=False)
class Tally:
    """Counts of one track. Frames are those of results that are stored; retries and losses are hand-outs."""

    fallback_frames: int = 0
    lost_frames: int = 0
    damaged_frames: int = 0
    retries: int = 0
    losses: int = 0
    duplicates: int = 0
    latencies_ms: list[float] = field(default_factory=list)  # of every `_latency_step`th task that was stored
    retried: dict[int, int] = field(default_factory=dict)  # by a task's index
    _latency_step: int = 1
    _latency_count: int = 0

    def forget_results(self) -> None:
        """Nothing is stored any more."""
        self.fallback_frames = self.lost_frames = self.damaged_frames = 0

    def note_frames(self, fallback: int, lost: int, damaged: int) -> None:
        """Count the frames of a result that are not as asked."""
        self.fallback_frames += fallback
        self.lost_frames += lost
        self.damaged_frames += damaged

    def note_retry(self, index: int, *, after_loss: bool) -> None:
        """Count a hand-out of a task that was handed out before."""
        self.retries += 1
        self.losses += after_loss
        if index in self.retried or len(self.retried) < MAX_RETRIED:
            self.retried[index] = self.retried.get(index, 0) + 1

    def note_latency(self, milliseconds: float) -> None:
        """Keep an even sample: once there are too many, half of them go, and half as many are kept from then on."""
        if self._latency_count % self._latency_step == 0:
            self.latencies_ms.append(milliseconds)
            if len(self.latencies_ms) > MAX_LATENCIES:
                del self.latencies_ms[1::2]
                self._latency_step *= 2
        self._latency_count += 1
