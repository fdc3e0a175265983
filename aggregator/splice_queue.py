"""The queue of jobs to splice, and what follows when a splice ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import ErrorCode, JobState, Verdict
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import Finish, Finished, Stored

from .events import MIDDLEWARE, ChunksDamaged, FreeChunk, ResultsLost, Splice, SpliceCrashed, Spliced, SpliceFailed
from .jobs import CollectedJob
from .memory import Memory
from .states import JobPhase

MAX_SPLICE_CRASHES: Final = 3
"""At the third splice of a job that crashes or hangs the job fails. Otherwise it might go on for ever."""

MAX_DAMAGES: Final = 10
"""At the tenth splice of a job that finds damaged or unreadable results the job fails. A splice counts once, however
many of them it finds, because all of them are computed again. A disk that damages results so often loses what it is
given; workers that make unreadable results are excluded by the middleware."""


class SpliceQueue:
    """The part of the assembler that makes files."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def finish(self, job: CollectedJob, message: Finish) -> None:
        """Take a Finish: the middleware believes that all results are stored. If they are, the job waits for its
        splice; if some are not, the middleware is told what is here. A job that is over is answered with its Finished.
        """
        if job.finished is not None:
            return self._memory.send(MIDDLEWARE, job.finished)
        if job.state is JobPhase.SPLICING:
            return None  # its end will be told
        counts = message.chunk_counts
        if len(counts) != len(job.tracks) or max(counts) > MAX_CHUNKS:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE,
                f"Finish of job {job.id} must count {len(job.tracks)} tracks, of at most {MAX_CHUNKS} chunks each",
            )
        if not all(track.holds_all(count) for track, count in zip(job.tracks, counts, strict=True)):
            self._memory.log(f"job {job.id}: Finish has come before all its results", is_warning=True)
            return self._memory.report_holdings(job)
        job.chunk_counts, job.statistics = counts, message.statistics
        job.set_state(JobPhase.SPLICING)
        self._memory.moved.add(job.id)
        self._memory.waiting[job.id] = None
        return None

    def begin(self) -> None:
        """Start splices of the jobs that wait, as many as may run at once."""
        memory = self._memory
        while memory.waiting and len(memory.running) < memory.max_splices:
            job = memory.jobs[memory.waiting.popitem(last=False)[0]]
            memory.running.add(job.id)
            memory.log(f"job {job.id}: splicing {sum(job.chunk_counts)} chunks of {len(job.tracks)} tracks")
            duplicates = [track.duplicates for track in job.tracks]
            memory.outbox.append(Splice(job.id, job.chunk_counts, duplicates, job.statistics))

    def ended(self, event: Spliced | SpliceFailed | SpliceCrashed | ChunksDamaged) -> None:
        """Take what became of a splice: conclude its job, splice it again, or have results computed again."""
        self._memory.running.remove(event.job)
        job = self._memory.jobs[event.job]
        match event:
            case Spliced():
                self._spliced(job, event)
            case SpliceFailed():
                self._conclude(
                    job, JobState.FAILED, event.text, [], []
                )  # its results stay until Drop: it may be owned again
            case SpliceCrashed():
                self._crashed(job, event.text)
            case ChunksDamaged():
                self._damaged(job, event)

    def _spliced(self, job: CollectedJob, event: Spliced) -> None:
        whole = all(output.state is JobState.DONE for output in event.outputs)
        self._conclude(job, JobState.DONE if whole else JobState.PARTIAL, "", event.outputs, event.files)
        self._memory.end(job)

    def _conclude(
        self, job: CollectedJob, state: JobState, text: str, outputs: list[OutputSummary], files: list[FinishedFile]
    ) -> None:
        job.set_state(JobPhase.FINISHED)
        job.finished = Finished(job.id, job.owner_epoch, state, text, outputs, files)
        job.statistics = JobStatistics()
        self._memory.save(job)
        self._memory.send(MIDDLEWARE, job.finished)
        self._memory.log(f"job {job.id} is {state}: {text or ', '.join(file.file for file in files)}")

    def _crashed(self, job: CollectedJob, text: str) -> None:
        job.crashes += 1
        if job.crashes >= MAX_SPLICE_CRASHES:
            return self._conclude(job, JobState.FAILED, f"{text} (tried {job.crashes} times)", [], [])
        self._memory.log(f"job {job.id}: {text}; it is spliced again", is_warning=True)
        self._memory.save(job)
        self._memory.waiting[job.id] = None
        return None

    def _damaged(self, job: CollectedJob, event: ChunksDamaged) -> None:
        """Forget results that are lost. The middleware has them computed again, and then repeats Finish."""
        job.damages += 1
        if job.damages >= MAX_DAMAGES:
            why = "made no file" if event.makers else "were damaged on this aggregator's disk: check that disk"
            text = f"{event.text}; {job.damages} times results of this job {why}"
            return self._conclude(job, JobState.FAILED, text, [], [])
        more = f" and {len(event.chunks) - 1} others" if len(event.chunks) > 1 else ""
        self._memory.log(f"job {job.id}: {event.text}{more}; asked for again", is_warning=True)
        job.begin_again()
        for (track, index), worker in zip(event.chunks, event.makers, strict=False):
            told = Stored(job.id, track, index, Verdict.UNREADABLE, worker=worker, text=event.text)
            self._memory.send(MIDDLEWARE, told)
        self._lose(job, event.chunks)
        return None

    def lost(self, event: ResultsLost) -> None:
        """Forget results that are lost, if their job still collects results. If its splice waits or runs, that will
        find them by itself."""
        job = self._memory.jobs.get(event.job)
        if job is not None and job.state is JobPhase.COLLECTING:
            self._memory.log(f"job {job.id}: {len(event.chunks)} results are gone from the spool", is_warning=True)
            self._lose(job, event.chunks)

    def _lose(self, job: CollectedJob, chunks: Iterable[tuple[int, int]]) -> None:
        for track, index in chunks:
            if job.tracks[track].lose(index):
                self._memory.outbox.append(FreeChunk(job.id, track, index))
        self._memory.save(job)
        self._memory.report_holdings(job)
