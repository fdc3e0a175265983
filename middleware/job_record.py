"""What the ledger keeps of a job beside its request: what changes while the job goes on, and what it came to."""

from __future__ import annotations

from dataclasses import field

from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.mapped import Mapped
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.records import record
from moviola.base.timeline import JobTimeline
from moviola.base.vocabulary import JobState
from moviola.wire.addresses import Address


@record
class JobRecord(Mapped):
    """What changes of a job.

    Attributes:
        state, code, reason: how it is, for the middleware, for programs and for people.
        session: of the client that sent it last.
        owner, owner_name, owner_epoch: the store that has its results, the aggregator's name, and the owner epoch.
        builds: of each track, as text (moviola/base/build_path.py).
        chunk_counts (chunks): how many each stream has; nil until all of the source was sent.
        seconds (s): from its submission to its end; 0 before.
        outputs_summary, files, addresses: what it came to, once it is over.
        edited_as: the job in which its source, edited since, was submitted anew.
        waits_long: its upload is waited for long, because some of it was here before, or a person had the job retried.
        final: how far it had come, once it is over.
        failures: those that are told, once it is over.
        timeline: who did which of its tasks and when, once it is over.
    """

    state: JobState
    code: str
    reason: str
    session: str
    owner: str
    owner_name: str
    owner_epoch: int
    builds: list[str]
    chunk_counts: list[int] | None
    seconds: float
    outputs_summary: list[OutputSummary]
    files: list[FinishedFile]
    addresses: list[Address]
    edited_as: str = ""
    waits_long: bool = False
    final: Progress = field(default_factory=Progress)
    failures: list[Failure] = field(default_factory=list)
    timeline: JobTimeline | None = None
