"""How far a job is: what its client and those who watch it are told, and what is kept of a job that is over."""

from __future__ import annotations

from dataclasses import field

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name


@record
class Progress(Mapped):
    """How far a job is. A frame may be an image or a record of a table; a task is one chunk for one output.

    Attributes:
        kind: of material: `video`, `images`, `table`.
        outputs: their names.
        frames_total (frames): of the source; nil until all of it is sent.
        frames_sent (frames): of the source, that are here or were.
        frames_done (frames): over all outputs, with those in work; one counts when the last of its filters is done.
        frames_wanted (frames): over all outputs; nil until all of the source is sent.
        chunks_sent (chunks): of all streams, that are here or were.
        chunks_total (chunks): of all streams; nil until all of them are sent.
        tasks_stored (tasks): whose results an aggregator has, with passed chunks of unfiltered streams.
        tasks_total (tasks): of all outputs and unfiltered streams; nil until all chunks are sent.
        tasks_queued (tasks): that no worker has.
        tasks_in_flight (tasks): that workers have.
        retries (tasks): hand-outs after a failure or a loss.
        duplicates (tasks): results that came although there was one.
        fallback_frames (frames): not filtered, because their filter failed.
        lost_frames (frames): that did not come out.
    """

    kind: Name = ""
    outputs: list[Name] = field(default_factory=list)
    frames_total: int | None = None
    frames_sent: int = 0
    frames_done: int = 0
    frames_wanted: int | None = None
    chunks_sent: int = 0
    chunks_total: int | None = None
    tasks_stored: int = 0
    tasks_total: int | None = None
    tasks_queued: int = 0
    tasks_in_flight: int = 0
    retries: int = 0
    duplicates: int = 0
    fallback_frames: int = 0
    lost_frames: int = 0
