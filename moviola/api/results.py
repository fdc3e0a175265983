"""How a job ended: its outputs with their files, metrics, annotations and frames."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from moviola.api.errors import JobCancelled, JobFailed, Unreachable, UsageError
from moviola.api.metrics import Metrics
from moviola.api.spelling import in_python
from moviola.base.failures import Failure
from moviola.media.annotations import SUFFIX
from moviola.media.manifest import SUFFIX as MANIFEST
from moviola.session.destination import Place
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.target import as_sentence

if TYPE_CHECKING:
    from moviola.media.frame import Frame, Note


@dataclass(frozen=True)
class OutputResult:
    """One finished output.

    Attributes:
        name: of the output.
        path: its file, or its folder of images.
        metrics_path: the file that `metrics` reads.
        annotations_path: the file of what filters noted; None where they noted nothing.
        manifest_path: the file by which `moviola.verify` proves it; None where there is none.
        digest: of the output; equal for equal work, on any number of workers.
        frames_in: frames (images, records) of the source.
        frames_out: those in the output.
        fallback_frames: those that were not filtered, because a filter failed on them.
        lost_frames: those that are not in the output.
        retries: tasks that were handed out again.
        found: what filters found, and how often, a sentence each; its numbers are in `metrics`.
    """

    name: str
    path: Path
    metrics_path: Path
    annotations_path: Path | None
    manifest_path: Path | None
    digest: str
    frames_in: int
    frames_out: int
    fallback_frames: int
    lost_frames: int
    retries: int
    found: tuple[str, ...] = ()

    @cached_property
    def metrics(self) -> Metrics:
        """What the metrics file says. Raises OSError where it is gone."""
        return Metrics.read(self.metrics_path)

    def annotations(self) -> Iterator[Note]:
        """Yield what filters noted, a map for each note of each frame, in order; docs/ANALYSIS.md tells its fields."""
        from moviola.api.frames import read_notes  # noqa: PLC0415 - codecs, which a job without frames does without

        return read_notes(self.annotations_path)

    def frames(self) -> Iterator[Frame]:
        """Yield the output's pictures, decoded, in order. Raises UsageError where it has none."""
        from moviola.api.frames import frames_of_result  # noqa: PLC0415

        return frames_of_result(self)


@dataclass(frozen=True)
class Result:
    """How a job ended.

    Attributes:
        job_id: as `moviola jobs` shows it.
        source: the source's name.
        state: "done"; "partial" if some frames are not as asked; "failed" or "cancelled" in a JobFailed's result.
        reason: why, where there is something to say.
        seconds: from submission to the end.
        outputs: by name, in the order in which they were asked for.
        warnings: sentences for people.
        failures: the first ones, of frames and of tasks; there may be some though all ended well.
        unit: what is counted: "frame", "image" or "record".
    """

    job_id: str
    source: str
    state: str
    reason: str
    seconds: float
    outputs: Mapping[str, OutputResult]
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = field(default=(), repr=False)
    unit: str = "frame"

    def __getitem__(self, output: str) -> OutputResult:
        """Return an output by its name. Raises UsageError where there is none."""
        try:
            return self.outputs[output]
        except KeyError:
            names = ", ".join(self.outputs) or "none"
            raise UsageError(f'job {self.job_id} has no output "{output}"; there are {names}') from None

    @property
    def output(self) -> OutputResult:
        """The only output. Raises UsageError where there are several, or none."""
        if len(self.outputs) != 1:
            raise UsageError(f"job {self.job_id} has {len(self.outputs)} outputs; name one: result[NAME]")
        return next(iter(self.outputs.values()))

    @property
    def path(self) -> Path:
        """The file, or the folder, of the only output."""
        return self.output.path

    @classmethod
    def of(cls, outcome: Outcome, place: Place) -> Self:
        """Return what an outcome says; `place` is where the job's files are."""
        return cls(
            job_id=outcome.job_id,
            source=outcome.source,
            state=outcome.state,
            reason=in_python(outcome.reason),
            seconds=outcome.seconds,
            outputs={one.name: _output(one, outcome.job_id, place) for one in outcome.outputs},
            warnings=tuple(map(in_python, outcome.warnings)),
            failures=outcome.failures,
            unit=outcome.unit,
        )


def _output(one: OutputOutcome, job: str, place: Place) -> OutputResult:
    notes, manifest = (place.path_of(job, one.name + suffix) for suffix in (SUFFIX, MANIFEST))
    return OutputResult(
        name=one.name,
        path=Path(one.path),
        metrics_path=Path(one.metrics_path),
        annotations_path=notes if os.path.isfile(notes) else None,
        manifest_path=manifest if os.path.isfile(manifest) else None,
        digest=one.digest,
        frames_in=one.frames_in,
        frames_out=one.frames_out,
        fallback_frames=one.fallback_frames,
        lost_frames=one.lost_frames,
        retries=one.retries,
        found=one.found,
    )


def result_of(outcome: Outcome, place: Place) -> Result:
    """Return the result of a job that ended well, or partly. Raises JobFailed, JobCancelled, Unreachable."""
    result = Result.of(outcome, place)
    if outcome.has_results:
        return result
    if outcome.status is Status.UNREACHABLE:
        raise Unreachable(as_sentence(outcome.reason))
    text = as_sentence(outcome.sentence())
    raise (JobCancelled if outcome.status is Status.CANCELLED else JobFailed)(text, result)
