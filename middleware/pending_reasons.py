"""Why a job that could go on does not: what its record says while it is PENDING."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.base.vocabulary import JobCode
from moviola.wire.shortened import shortened

from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.job import NO_ROOM_WAIT_S, TURN_S, Job
from .model.states import JobState, WorkerState
from .model.track import Track
from .stages import is_covered, is_outdated, needed_steps, uncovered

MAX_FILTERS_NAMED: Final = 8
"""Of those that workers offer, in a line that a person reads on a terminal."""


MAX_LACK: Final = 500
"""Characters of what a worker says it lacks: a sentence with a command."""


def assess(cluster: Cluster, job: Job, now: float) -> None:
    """Set an open job to RUNNING if it goes on, or to PENDING with a code and a sentence that say why it does not. A
    paused job stays paused. The job must have been sorted before (Situations.sort)."""
    if job.state is JobState.PAUSED:
        return
    if job in cluster.situations.in_work:
        job.worked_at = now
        code = reason = ""
    else:
        code, reason = _obstacle(cluster, job, now)
    if code:
        cluster.set_state(job, JobState.PENDING, code, reason)
    else:
        cluster.set_state(job, JobState.RUNNING)


def _obstacle(cluster: Cluster, job: Job, now: float) -> tuple[str, str]:
    """Return, as a code and a sentence, what keeps a job without a task in flight from going on; ("", "") if nothing
    does."""
    if job.owner.finish_sent:
        return "", ""
    if not job.request.has_source:
        return JobCode.SOURCE_NEEDED, "it begins again, and its source is not here; submit the same file again"
    if not cluster.aggregators:
        return JobCode.NO_AGGREGATOR, "no aggregator is connected"
    if cluster.owner_of(job) is None:
        return JobCode.AGGREGATOR_AWAY, f"aggregator {job.owner.name}, which keeps this job's results, is not connected"
    if not job.owner.holdings_known:
        return JobCode.HOLDINGS, f"aggregator {job.owner.name} is asked what it has stored"
    if now < job.no_room.until:
        return JobCode.NO_ROOM, f"{job.no_room.reason}; it is tried again every {NO_ROOM_WAIT_S:.0f} s"
    for track in job.filtered if job.has_assets else ():
        if track.queue.count and job.works(now):
            cluster.look_again(job, job.worked_at + TURN_S)
            return "", ""
        if track.queue.count:
            return _why_queued(cluster, job, track)
    if not job.all_sent:
        if job.client is None and job.upload.edited_as:
            text = f"its source was edited, and submitted anew as job {job.upload.edited_as}; cancel this one"
            return JobCode.SOURCE_EDITED, text
        if job.client is None:
            return (
                JobCode.SOURCE_NEEDED,
                "its source is not all here and no client is attached; submit the same file again",
            )
        wanting = uncovered(cluster, job)
        if wanting is not None:
            return _nobody_offers(cluster, wanting.chain.needs(wanting.chain.whole))
        if job.frames_sent == 0 or job.state is JobState.PENDING:
            return JobCode.UPLOADING, "the client is sending"
    return "", ""


def _why_queued(cluster: Cluster, job: Job, track: Track) -> tuple[str, str]:
    """Why nothing of a track is in work though something is queued."""
    index = track.queue.first()
    assert index is not None
    mode = cluster.mode_of(job, track, index)
    rest = needed_steps(cluster, track, index, mode)
    if not is_covered(cluster, track, rest):
        return _nobody_offers(cluster, track.chain.needs(rest))
    if is_outdated(cluster, track):
        return JobCode.NO_WORKER, _why_outdated(cluster, job)
    if track.whole_only and not cluster.fleet.can(track.chain.needs(rest)):
        return JobCode.TOO_LARGE, track.whole_only
    return JobCode.BUSY, "all able workers are busy with other jobs"


def _why_outdated(cluster: Cluster, job: Job) -> str:
    text = "its first results were made with other library versions than those of the workers that are connected"
    wait_s = cluster.rules.renew_after_s
    if job.can_begin_again:
        return f"{text}; it begins again unless a worker with the first versions is back in {wait_s:.0f} s"
    return f"{text}; submit the same file again to begin again, or start a worker with the first versions"


def _listed(filters: Sequence[str]) -> str:
    """Name filters, or only count them where a list of their names would hide what else is said."""
    if len(filters) > MAX_FILTERS_NAMED:
        return f"{len(filters)} other filters; start a worker that offers what is missing"
    return ", ".join(sorted(filters))


def _nobody_offers(cluster: Cluster, needs: frozenset[str]) -> tuple[str, str]:
    connected = list(cluster.fleet.connected())
    workers = [one for one in connected if one.state is not WorkerState.DRAINING]
    if not workers:
        text = "all workers that are connected are being drained" if connected else "no worker is connected"
        return JobCode.NO_WORKER, text
    reason = _what_is_missing(workers, needs)
    draining = [one.name for one in connected if one.state is WorkerState.DRAINING and needs <= one.offers]
    if draining:
        who = f"worker {draining[0]} does, and" if len(draining) == 1 else f"{len(draining)} workers do, and each"
        reason = f"{reason}; {who} is being drained"
    return JobCode.NO_WORKER, reason


def _what_is_missing(workers: Sequence[WorkerRecord], needs: frozenset[str]) -> str:
    """Return what workers, of which there is one at least, do not offer."""
    offered = {name for worker in workers for name in worker.offers}
    withheld = {name: label for worker in workers for name, label in worker.withheld.items()}
    missing = sorted(needs - offered - withheld.keys())
    asking = sorted((needs - offered) & withheld.keys())
    filters = _listed([name for name in offered if not name.startswith("kind:")])
    count = "1 worker offers" if len(workers) == 1 else f"{len(workers)} workers offer"
    wanted = [_which_label(name, withheld[name], len(workers)) for name in asking]
    if not missing and wanted:
        return "; ".join(wanted)
    if not missing:
        chain = ", ".join(sorted(name for name in needs if not name.startswith("kind:")))
        return f"no single worker offers all of {chain}; {count} {filters}"
    kinds = [name.removeprefix("kind:") for name in missing if name.startswith("kind:")]
    what = f"takes {kinds[0]}" if kinds else "offers " + " or ".join(f"'{name}'" for name in missing)
    return "; ".join([f"no worker {what}; {count} {filters}", *wanted, *_what_is_lacking(workers, missing)])


def _which_label(name: str, label: str, count: int) -> str:
    """Return a sentence: which label a filter asks of a worker, and how to start a worker that has it."""
    connected = "the one that is connected is not" if count == 1 else f"none of the {count} that are connected is"
    return f"filter {name} asks for a worker labelled {label}, and {connected}; start one with --label {label}"


def _what_is_lacking(workers: Sequence[WorkerRecord], missing: Sequence[str]) -> list[str]:
    """Return, as a sentence, what keeps a worker from offering what is missing; nothing if none says so."""
    for worker in workers:
        for name in missing:
            if why := worker.details.lacks.get(name):
                return [f"worker {worker.name} knows '{name}', but cannot offer it: {shortened(why, MAX_LACK)}"]
    return []
