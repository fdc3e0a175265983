"""What the API tells of jobs and workers, as JSON types. No path of any machine is in it, and no address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from moviola.base.failures import Failure
from moviola.base.progress import Progress
from moviola.media.kinds import unit_of
from moviola.session.cluster_view import ClusterView
from moviola.session.job_session import FINAL_STATES
from moviola.session.shortfall import reason_of
from moviola.session.timeline import timeline_of
from moviola.wire.messages import Job

LINKS: Final = ("events", "tasks", "timeline", "report")
"""What a job has below its own path."""


def job_json(job: Job) -> dict[str, Any]:
    """Return what is told of a job in lists and events."""
    progress = job.progress
    return {
        "id": job.job,
        "name": job.name,
        "user": job.user,
        "kind": progress.kind,
        "state": job.state,
        "is_over": job.state in FINAL_STATES,
        "code": job.code,
        "reason": reason_of(job, names_job=False),
        "priority": job.priority,
        "submitted_unix_s": job.submitted_unix_s,
        "seconds": job.seconds,
        "share": share_of(progress),
        "unit": unit_of(progress.kind),
        "progress": progress.to_wire(),
        "outputs": [_output(job, name) for name in progress.outputs],
        "files": list(_files(job)),
        "links": {"self": link(job.job), **{name: f"{link(job.job)}/{name}" for name in LINKS}},
    }


def details_json(job: Job, view: ClusterView) -> dict[str, Any]:
    """Return all that is told of one job.

    Args:
        job: its record with details.
        view: the cluster, for what its workers do for the job.
    """
    first = next(iter(_failures(job)), None)
    return {
        **job_json(job),
        "requested": [output.to_wire() for output in job.details.outputs],
        "on_error": job.details.on_error,
        "failure_type": first.failure_type if first is not None else "",
        "failure_reason": first.failure_reason if first is not None else "",
        "explanation": first.explanation if first is not None else reason_of(job, names_job=False),
        "failures": [_failure(failure) for failure in _failures(job)],
        "workers": list(_workers(job, view)),
    }


def story_json(job: Job) -> list[dict[str, Any]]:
    """Return what happened to a job's tasks, or to those of one chunk, in the order in which it did."""
    return [
        {"unix_s": line.unix_s, "output": line.output, "chunk": line.chunk, "text": line.text}
        for line in job.details.story or []
    ]


def timeline_json(job: Job) -> dict[str, Any]:
    """Return who did which chunk of a job, and when.

    Args:
        job: its record with its timeline.
    """
    timeline = timeline_of(job)
    return {
        "id": job.job,
        "began_unix_s": timeline.began_unix_s,
        "seconds": timeline.seconds,
        "is_over": timeline.is_over,
        "workers": timeline.workers,
        "outputs": timeline.outputs,
        "spans": [span._asdict() for span in timeline.spans],
        "remarks": timeline.remarks,
    }


def link(job: str, file: str = "") -> str:
    """Return the path of a job, or of one of its files."""
    path = f"/api/jobs/{quote(job, safe='')}"
    return f"{path}/files/{quote(file)}" if file else path


def share_of(progress: Progress) -> float:
    """Return the part of the work that is done, 0 to 1."""
    return min(1.0, progress.frames_done / progress.frames_wanted) if progress.frames_wanted else 0.0


def _output(job: Job, name: str) -> dict[str, Any]:
    """An output as far as it is: what it came to, once it has ended."""
    ended = next((output for output in job.outputs if output.name == name), None)
    if ended is None:
        return {"name": name}
    return {**ended.to_wire(), "failures": [_failure(failure) for failure in ended.failures]}


def _files(job: Job) -> Iterator[dict[str, Any]]:
    for file in job.files:
        yield {
            "name": file.file,
            "size": file.size,
            "xxh3": file.xxh3,
            "folder": file.folder,
            "href": link(job.job, file.file),
        }


def _failures(job: Job) -> Iterable[Failure]:
    return job.details.failures or [failure for output in job.outputs for failure in output.failures]


def _failure(failure: Failure) -> dict[str, Any]:
    """A failure without its traceback, which names files of the worker's machine."""
    told = failure.to_wire()
    del told["traceback"]
    return told


def _workers(job: Job, view: ClusterView) -> Iterator[dict[str, Any]]:
    """What each worker does for the job now."""
    for worker in view.connected_workers():
        tasks = [task for task in worker.facts.tasks if task.job == job.job]
        if tasks:
            yield {
                "name": worker.name,
                "frames_per_s": worker.facts.frames_per_s,
                "tasks": [
                    {"track": task.track, "chunk": task.index, "phase": task.phase, "frames": task.frames}
                    for task in tasks
                ],
            }
