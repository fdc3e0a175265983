"""How a submission ended, as an exit status and as the object that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final

from moviola.base.failures import Failure
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.media.preflight import Preflight


class Status(IntEnum):
    """The exit statuses of `moviola send`."""

    DONE = 0
    FAILED = 1
    WRONG = 2  # usage, or no input that can be read
    UNREACHABLE = 3
    PARTIAL = 4  # some frames, or some of the inputs, are not as asked
    CANCELLED = 5  # by a person: the job, or the waiting for it


NOT_SENT: Final = "not-sent"
REFUSED: Final = "refused"
"""States of sources that never became jobs: nobody came to them, or they could not be taken."""

_GRAVITY = (Status.CANCELLED, Status.UNREACHABLE, Status.FAILED, Status.PARTIAL, Status.DONE)


class Remains(StrEnum):
    """What is left in the cluster of a job that nobody waits for any more."""

    NOTHING = ""  # it has ended and its files are here, or it has failed
    NOT_SENT = "not-sent"  # it never came to be
    NEEDS_SOURCE = "needs-source"  # a part of its source is there
    GOES_ON = "goes-on"  # all is there
    FILES = "files"  # it has ended, and its files are with the aggregator


@dataclass(frozen=True, slots=True)
class OutputOutcome:
    """One finished file of a job. `found` says what filters found in it, a sentence each."""

    name: str
    path: str
    metrics_path: str
    frames_in: int = 0
    frames_out: int = 0
    fallback_frames: int = 0
    lost_frames: int = 0
    retries: int = 0
    duplicates: int = 0
    digest: str = ""
    found: tuple[str, ...] = ()

    @classmethod
    def of(cls, summary: OutputSummary, path: str, metrics_path: str) -> OutputOutcome:
        """Return what an output came to whose files lie at these paths, empty where they are not here."""
        return cls(
            name=summary.name,
            path=path,
            metrics_path=metrics_path,
            frames_in=summary.frames_in,
            frames_out=summary.frames_out,
            fallback_frames=summary.fallback_frames,
            lost_frames=summary.lost_frames,
            retries=summary.retries,
            duplicates=summary.duplicates,
            digest=summary.digest,
            found=tuple(summary.found),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the output as `--json` prints it."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**told, "found": list(self.found)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one job ended. `source` is its file's name, `warnings` are sentences for people, `failures`
    the first ones, as METRICS.md describes them. `unit` is what is counted: a frame, an image or a record. `size` is
    that of the source in bytes. `preflight` is what was known of the source before it was sent."""

    source: str
    job_id: str
    status: Status
    state: str
    reason: str = ""
    seconds: float = 0.0
    outputs: tuple[OutputOutcome, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    failures: tuple[Failure, ...] = ()
    unit: str = "frame"
    size: int = 0
    path: str = ""
    remains: Remains = Remains.NOTHING
    preflight: Preflight | None = None

    @property
    def has_results(self) -> bool:
        """True where it ended with all that was asked for, or a part of it."""
        return self.status in (Status.DONE, Status.PARTIAL)

    @property
    def news(self) -> Iterator[str]:
        """Yield the warnings that were not known before the source was sent, with the output's name."""
        told = self.preflight
        known = {
            f"{each.name}: {warning}" for each in self.outputs for warning in (told.warnings(each.name) if told else ())
        }
        yield from (warning for warning in self.warnings if warning not in known)

    def state_of(self, output: OutputOutcome) -> str:
        """Return the job's state, with ", but not fetched" behind it where the job ended well and this output's file
        should have been fetched, but was not."""
        is_missing = self.state in (JobState.DONE, JobState.PARTIAL) and not self.has_results
        return f"{self.state}, but not fetched" if is_missing and not output.path else self.state

    @property
    def frames_per_second(self) -> float:
        """Source frames over the seconds from submission to the end; each frame counts once, however many outputs."""
        frames = max((output.frames_in for output in self.outputs), default=0)
        return frames / self.seconds if self.seconds > 0 else 0.0

    def sentence(self, subject: str = "") -> str:
        """Return how it ended and why, for people; empty where nothing needs to be said.

        Args:
            subject: what it is about; by default the source.
        """
        if not self.reason or self.state == REFUSED or (self.status is Status.UNREACHABLE and not self.job_id):
            return self.reason  # which names the source itself, or is about the cluster
        is_end = self.state == self.status.name.lower() and self.remains is Remains.NOTHING
        state = f"{self.state}: " if is_end and not self.reason.startswith(self.state) else ""
        return f"{subject or self.source}: {state}{self.reason}"

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "source": self.path or self.source,
            "status": self.status.name.lower(),
            "job_id": self.job_id,
            "state": self.state,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "frames_per_second": round(self.frames_per_second, 2),
            "unit": self.unit,
            "outputs": [output.to_json() for output in self.outputs],
            "failures": [failure.to_wire() for failure in self.failures],
            "warnings": list(self.warnings),
            "preflight": None if self.preflight is None else self.preflight.to_wire(),
        }


def exit_status(statuses: Iterable[Status]) -> Status:
    """One status for several inputs: the gravest. Where some were WRONG and others were not, the whole is PARTIAL."""
    all_of_them = list(statuses)
    good = [status for status in all_of_them if status is not Status.WRONG]
    if not good:
        return Status.WRONG if all_of_them else Status.DONE
    if len(good) < len(all_of_them):
        good.append(Status.PARTIAL)
    return min(good, key=_GRAVITY.index)
