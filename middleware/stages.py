"""Which steps of a task's chain a worker may be given next.

Where a connected worker offers all that is left of a chain, it is given all of that. Only where none does, and workers
together do, the chain is shared: the longest part from where the task is goes to a worker that has credit, and what
comes of it lies in the spool until the next. It is decided anew at every hand-out, so whoever joins takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

from middleware.chains import Needs
from middleware.cluster import Cluster
from middleware.jobs import Job
from middleware.tracks import Track


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
    """Fingerprints of workers that can't do a stage: what comes of it would not be like the track's first result."""
    return frozenset(one for one in cluster.fleet.fingerprints if not track.fits(index, mode, stage, one))


def left(track: Track, index: int, mode: str) -> range:
    """The steps of a task's chain that are not done."""
    begun = track.begun(index, mode)
    return range(0 if begun is None else begun.step, len(track.chain.steps))


def is_covered(cluster: Cluster, track: Track, rest: range) -> bool:
    """Whether connected workers, one or several, offer these steps."""
    chain, can = track.chain, cluster.fleet.can
    if can(chain.needs(rest)):
        return True
    return chain.can_stage and all(can(chain.needs(range(step, step + 1))) for step in rest)


def may_share(cluster: Cluster, track: Track, rest: range) -> bool:
    """Whether a chain is shared among workers now.

    What is begun is always ended, as that gives room back; nothing is begun while much lies between workers.
    """
    if not is_covered(cluster, track, rest) or not track.chain.can_stage:
        return False
    return rest.start > 0 or (not track.whole_only and cluster.staged_bytes < cluster.rules.stage_bytes)


def _is_offered(cluster: Cluster, job: Job, whole: Offer) -> bool:
    """Whether a healthy worker offers all that is left."""
    benched = cluster.benched(job)
    return cluster.fleet.can(whole.needs) and any(
        worker.name not in benched for worker in cluster.fleet.able(whole.needs, whole.refused)
    )
