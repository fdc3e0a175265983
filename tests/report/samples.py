"""Facts of jobs that never were, for tests of the report's page."""

from __future__ import annotations

from typing import Any

from moviola.base.details import Details, RequestedOutput, RequestedStep
from moviola.base.failures import Failure
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.vocabulary import JobState, SpanOutcome
from moviola.media.metrics import ChunkMetrics, Metrics, WorkerMetrics
from moviola.report.facts import Facts, OutputFacts
from moviola.session.timeline import Span, Timeline
from moviola.wire.messages import Job

NASTY = "<script>alert('x')</script>&\"'.mp4"


def spans(count: int = 4, worker: str = "w1", outcome: SpanOutcome = SpanOutcome.STORED) -> list[Span]:
    """One after the other, a second each."""
    return [Span(worker, index, "out", 0.0, float(index), index + 1.0, outcome) for index in range(count)]


def timeline(made: list[Span], *, seconds: float = 10.0, is_over: bool = True) -> Timeline:
    """A timeline of these spans."""
    return Timeline(1.7e9, seconds, is_over, sorted({span.worker for span in made}), ["out"], made, [])


def metrics(**changes: Any) -> Metrics:
    """Of an output of 40 frames in four chunks."""
    values: dict[str, Any] = {
        "format": 1,
        "state": JobState.DONE,
        "source": {"name": "clip.mp4", "codec": "h264"},
        "output": {"name": "out", "filters": [], "codec": "h264", "crf": 23, "duration_s": 4.0},
        "frames": {"in": 40, "out": 40, "fallback": 0, "lost": 0, "damaged": 0, "repeated": 0, "left_out": 0},
        "wall_seconds": 10.0,
        "frames_per_second": 4.0,
        "frame_latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0},
        "chunk_latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0},
        "seconds": {"decode": 1.0, "convert": 0.5, "filter": 6.0, "encode": 2.5, "wait": 3.0},
        "chunks": ChunkMetrics(4, 10, 10, 0, 0),
        "retries": 0,
        "duplicates": 0,
        "losses": 0,
        "workers": [WorkerMetrics("w1", 4, 40, 4.0, 10.0)],
        "digest": "d1ge57",
        "fingerprints": ["x86_64-avx2"],
        "versions": {"python": "3.11"},
        "warnings": [],
        "failures": [],
        "troubles": {"fallback": [], "lost": [], "damaged": []},
    }
    return Metrics(**{**values, **changes})


def facts(state: str = "done", *, name: str = "clip.mp4", reason: str = "", made: list[Span] | None = None) -> Facts:
    """Of a job with one output; one that is over without success has neither summary nor metrics."""
    is_over = state in ("done", "partial", "failed", "cancelled")
    has_files = state in ("done", "partial")
    progress = Progress("video", ["out"], 40, 40, 40 if has_files else 17, 40, 4, 4, 4, 4)
    failure = Failure(
        "clip-1", "out", 2, [20, 29], 21, "blur", "w1", "job_failure", "exception", f"it raised {name}", name
    )
    summary = OutputSummary("out", JobState(state) if has_files else JobState.FAILED, 40, 40, file=f"{name}.out.mp4")
    job = Job(
        "clip-1",
        name,
        state,
        reason=reason,
        progress=progress,
        outputs=[summary] if has_files else [],
        submitted_unix_s=1.7e9,
        seconds=10.0 if is_over else 0.0,
        details=Details(
            [RequestedOutput("out", [RequestedStep("blur", {"radius": 3})])],
            "original",
            failures=[] if state == "done" else [failure],
        ),
        user="anna",
    )
    made = spans() if made is None else made
    output = OutputFacts("out", "blur:radius=3", metrics(state=JobState(state)) if has_files else None)
    return Facts(job, timeline(made, is_over=is_over), 1.7e9 + 20, [output])
