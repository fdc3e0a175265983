"""What a finished output came to, as an aggregator tells the middleware, and the middleware clients and tools."""

from __future__ import annotations

from dataclasses import field

from moviola.base.failures import Failure
from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.vocabulary import JobState


@record
class OutputSummary(Mapped):
    """What a finished output came to. Frames are images or records for other kinds of material.

    Attributes:
        name: the output's.
        state: `done`, or `partial` when some frame is not what the filters would have made of a whole source.
        frames_in (frames): that the source has.
        frames_out (frames): that the output has.
        fallback_frames (frames): not filtered: as the source has them, or black.
        lost_frames (frames): that did not come out.
        damaged_frames (frames): that may differ from the undamaged source's: damaged ones, and those made of them.
        retries (tasks): hand-outs of a task after it failed or was lost.
        duplicates (tasks): results that were there already.
        digest: of the finished file.
        file: its name within the job's folder.
        metrics_file: as `file`, of the metrics.
        warnings: sentences for people.
        failures: the first ones; the metrics file has more.
        reasons: why it is `partial`, beside what the counts of frames say; sentences for people.
        found: what filters found, and how often; sentences for people.
    """

    name: Name
    state: JobState
    frames_in: int = 0
    frames_out: int = 0
    fallback_frames: int = 0
    lost_frames: int = 0
    damaged_frames: int = 0
    retries: int = 0
    duplicates: int = 0
    digest: Name = ""
    file: Name = ""
    metrics_file: Name = ""
    warnings: list[Text] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    reasons: list[Text] = field(default_factory=list)
    found: list[Text] = field(default_factory=list)
