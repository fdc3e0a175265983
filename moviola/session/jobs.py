"""Jobs that were submitted before: which one is meant, and what it takes to follow one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from moviola.base.invocation import typed
from moviola.media.kinds import KINDS, unit_of
from moviola.session.destination import Place, place_for
from moviola.session.existing import settle_fetch
from moviola.session.job_ids import GAP
from moviola.session.run import FollowRequest
from moviola.session.target import UsageError
from moviola.wire.messages import Job

LATEST: Final = "latest"
MAX_NAMED: Final = 5
"""Jobs named when the beginning of an id fits several."""


def find(jobs: Mapping[str, Job], text: str) -> Job:
    """The job that a person means. Raises UsageError when it is none, or may be several."""
    if text == LATEST and jobs:
        return max(jobs.values(), key=lambda job: job.submitted_unix_s)
    if text in jobs:
        return jobs[text]
    head, _, tail = text.partition(GAP)
    found = [job for name, job in jobs.items() if name.startswith(head) and name.endswith(tail)]
    if not found:
        raise UsageError(f"There is no job '{text}'; {typed('jobs')} list shows what there is")
    if len(found) > 1:
        names = ", ".join(job.job for job in found[:MAX_NAMED]) + (", …" if len(found) > MAX_NAMED else "")
        raise UsageError(f"'{text}' may be any of {len(found)} jobs ({names}); give more of the id")
    return found[0]


def place_of(job: Job, out: str | None, results: Path) -> Place:
    """Where its files go: to the same place as if it had been sent with this `--out`. Raises UsageError."""
    if not is_folder(job):
        return place_for(job.progress.outputs, out, results)
    is_single = out is not None and job.progress.frames_total == 1 and _is_picture_name(job, out)
    place = place_for(job.progress.outputs, out, results, is_folder=not is_single)
    return replace(place, is_single=is_single and bool(place.name))


def _is_picture_name(job: Job, out: str) -> bool:
    """Return whether a name says the format of a file of the job's kind, so that its only file may have it."""
    kind = KINDS.get(job.progress.kind)
    return kind is not None and kind.naming.single is not None and Path(out).suffix.lower() in kind.suffixes


def is_folder(job: Job) -> bool:
    """Return whether its outputs are folders of pictures; while nothing is known of its files, whether they may be."""
    kind = KINDS.get(job.progress.kind)
    makes_folder = kind is not None and kind.makes_folder
    return any(file.folder for file in job.files) if job.files else makes_folder  # or nothing is encoded


def follow_request(job: Job, out: str | None, results: Path, *, fetch: bool, overwrite: bool = False) -> FollowRequest:
    """Return what `moviola.session.run.Run` follows. Raises UsageError when nothing can be written there, or when
    something is there that is not the job's and is not to be overwritten."""
    place = place_of(job, out, results)
    if out is not None:
        place = settle_fetch(job.files, place, out, results, overwrite=overwrite)
    return FollowRequest(job.job, job.name, place, fetch, unit=unit_of(job.progress.kind))
