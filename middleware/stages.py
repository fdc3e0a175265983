"""Which steps of a task's chain a worker may be given next.

Where a connected worker offers all that is left of a chain, it is given all of that. Only where none does, and workers
together do, the chain is shared: the longest part from where the task is goes to a worker that has credit, and what
comes of it lies in the spool until the next. It is decided anew at every hand-out, so whoever joins takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

from moviola.base.build_path import BuildPath, matches, to_text
from moviola.wire.limits import MAX_FINGERPRINT

from .model.chain import Needs
from .model.cluster import Cluster
from .model.job import Job
from .model.track import Track


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be handed out: `stage` of a task's chain, in this mode, to workers that offer `needs`, but for those
    whose fingerprints are refused."""

    mode: str
    stage: range
    needs: Needs
    refused: frozenset[str]


def offers(cluster: Cluster, job: Job, track: Track, index: int) -> list[Offer]:
    """What may be handed out of a task now, best first."""
    mode = cluster.mode_of(job, track, index)
    rest = left(track, index, mode)
    whole = Offer(mode, rest, track.chain.needs(rest), refused(cluster, track, index, mode, rest))
    if _is_offered(cluster, job, whole) or not may_share(cluster, track, rest):
        return [whole]
    stages = (range(rest.start, stop) for stop in range(rest.stop - 1, rest.start, -1))
    return [
        whole,
        *(Offer(mode, one, track.chain.needs(one), refused(cluster, track, index, mode, one)) for one in stages),
    ]


def refused(cluster: Cluster, track: Track, index: int, mode: str, stage: range) -> frozenset[str]:
    """Fingerprints of workers that can't do a stage: what comes of it, now or in the end, would not be of the track's
    build."""
    return frozenset(one for one in cluster.fleet.fingerprints if not _fits(cluster, track, index, mode, stage, one))


def _fits(cluster: Cluster, track: Track, index: int, mode: str, stage: range, own: str) -> bool:
    made = track.fingerprint_of(index, mode, own, stage)
    if len(to_text(made)) > MAX_FINGERPRINT:
        return False  # no message could carry it
    return can_end(cluster, track, made)


def takes_build(track: Track, build: str) -> bool:
    """Return whether what a worker of this build makes of a whole chain is of the track's builds."""
    return track.takes((build,) * len(track.chain.steps))


def can_end(cluster: Cluster, track: Track, made: BuildPath) -> bool:
    """Return whether connected workers can end a task, of whose first steps `made` has the builds, so that its result
    is of the track's builds: whether each step that is left is offered by a worker of its build."""
    target = track.fingerprint
    if not target or made == target:
        return True
    if not matches(made, target):
        return False
    if track.chain.can_stage and not (track.whole_only and not made):
        return all(_has_worker_for(cluster, track, range(step, step + 1)) for step in range(len(made), len(target)))
    return len(set(target)) == 1 and _has_worker_for(cluster, track, track.chain.whole)


def _has_worker_for(cluster: Cluster, track: Track, stage: range) -> bool:
    """Return whether a connected worker of the build that the first step of a stage must have offers all of it."""
    return track.fingerprint[stage.start] in cluster.fleet.builds(track.chain.needs(stage))


def is_dead_end(cluster: Cluster, job: Job, track: Track, index: int) -> bool:
    """Whether a task that is begun had better begin again with its chunk: what is done of it was made by other builds,
    or with filters that failed."""
    begun = track.begun(index, cluster.mode_of(job, track, index))
    if begun is None:
        return True
    return not can_end(cluster, track, begun.fingerprint) and can_end(cluster, track, ())


def is_outdated(cluster: Cluster, track: Track) -> bool:
    """Return True if connected workers offer all filters of a track, but none has the build that its results need."""
    chain = track.chain
    shared = chain.can_stage and not track.whole_only
    can = is_covered(cluster, track, chain.whole) if shared else cluster.fleet.can(chain.needs(chain.whole))
    return can and not can_end(cluster, track, ())


def left(track: Track, index: int, mode: str) -> range:
    """The steps of a task's chain that are not done."""
    begun = track.begun(index, mode)
    return range(0 if begun is None else begun.step, len(track.chain.steps))


def needed_steps(cluster: Cluster, track: Track, index: int, mode: str) -> range:
    """Return the steps that workers must offer for a task to go on: those that are left of it, or all where what is
    done of it can't be ended under the track's builds."""
    begun = track.begun(index, mode)
    is_of_use = begun is not None and can_end(cluster, track, begun.fingerprint)
    return left(track, index, mode) if is_of_use else track.chain.whole


def is_covered(cluster: Cluster, track: Track, rest: range) -> bool:
    """Whether connected workers, one or several, offer these steps."""
    chain, can = track.chain, cluster.fleet.can
    if can(chain.needs(rest)):
        return True
    return chain.can_stage and all(can(chain.needs(range(step, step + 1))) for step in rest)


def uncovered(cluster: Cluster, job: Job) -> Track | None:
    """The first of a job's outputs that connected workers, even together, do not offer."""
    filtered = (track for track in job.tracks if not track.is_passthrough)
    return next((track for track in filtered if not is_covered(cluster, track, track.chain.whole)), None)


def may_share(cluster: Cluster, track: Track, rest: range) -> bool:
    """Whether a chain is shared among workers now.

    What is begun is always ended, as that gives room back; nothing is begun while much lies between workers.
    """
    if not is_covered(cluster, track, rest) or not track.chain.can_stage:
        return False
    return rest.start > 0 or (not track.whole_only and cluster.staged_bytes < cluster.rules.stage_bytes)


def _is_offered(cluster: Cluster, job: Job, whole: Offer) -> bool:
    """Whether a healthy worker offers all that is left."""
    excluded = cluster.excluded(job)
    return cluster.fleet.can(whole.needs) and any(
        worker.name not in excluded for worker in cluster.fleet.able(whole.needs, whole.refused)
    )
