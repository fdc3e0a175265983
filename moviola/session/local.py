"""`--local`: the whole job on this machine, without a cluster, shown and summed up like any other."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from moviola.base.vocabulary import JobState
from moviola.filters.assets import AssetError, travelled
from moviola.filters.schema import ParameterError
from moviola.media.computing import IN_SEQUENCE, Computing
from moviola.media.errors import MediaError, UnreadableSource
from moviola.media.kinds import unit_of
from moviola.media.local import Kept, LocalOutput, LocalProgress, run_local
from moviola.media.material import Material, Source
from moviola.media.preflight import Preflight, preflight
from moviola.session.destination import Place
from moviola.session.faults import fault
from moviola.session.order import Order
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.shortfall import shortfall
from moviola.session.views import Display, JobView


@dataclass(frozen=True, slots=True)
class Way:
    """How a job is done.

    Attributes:
        computing: how its chunks are computed.
        job: the job's id, where others know it.
        keep: given the source, returns what keeps the results; None: unnamed files do.
        stand: returns how many tasks are on their way, where that is known, and how many were started again.
        while_waiting: takes what shows the progress once more, to be called while no result comes. Without it progress
            is shown with each result.
    """

    computing: Computing = IN_SEQUENCE
    job: str = ""
    keep: Callable[[Source], Kept | None] = lambda _source: None
    stand: Callable[[], tuple[int | None, int]] = lambda: (None, 0)
    while_waiting: Callable[[Callable[[], None]], None] = lambda _show: None


HERE: Final = Way()
"""One chunk after another, in this process."""


def run(
    material: Material,
    order: Order,
    place: Place,
    display: Display,
    way: Way = HERE,
    tell: Callable[[Preflight], None] = lambda _told: None,
) -> Outcome:
    """Filter one material and write results and metrics. Raise UnreadableSource before anything is written.

    Args:
        way: how it is done.
        tell: called with what becomes of the source before anything is done with it; may raise UnreadableSource.
    """
    job = way.job or f"local-{secrets.token_hex(4)}"
    output_count = len(order.outputs)

    told: Preflight | None = None
    last = LocalProgress(0, 0)

    def look(source: Source) -> Kept | None:
        nonlocal told, last
        last = LocalProgress(0, source.frame_count * output_count)
        told = preflight(source, order.outputs)
        tell(told)
        return way.keep(source)

    def show(progress: LocalProgress) -> None:
        nonlocal last
        last = progress
        frames = progress.frame_count // output_count
        sent = progress.frames_done // output_count
        done, wanted = progress.frames_done, progress.frame_count
        in_work, retries = way.stand()
        unit = unit_of(material.kind)
        view = JobView(job, material.name, frames, sent, done, wanted, retries, in_work, unit=unit, job=job)
        display.show([view], time.monotonic())

    way.while_waiting(lambda: show(last))
    started = time.monotonic()
    try:
        with travelled({file.value: file.content for file in order.assets}):
            finished = run_local(
                material,
                order.outputs,
                order.cutting,
                lambda file: place.path_of(job, file),
                put=place.put,
                spare_of=lambda file: replace(place, by_job=True, name="").path_of(job, file),
                on_progress=show,
                computing=way.computing,
                on_source=look,
                job=way.job,
            )
    except UnreadableSource:
        raise
    except (MediaError, ParameterError, AssetError, OSError) as error:
        return _failed(material, job, str(error), started)
    except Exception as error:
        complaint = fault(material.kind, [path for _, path in material.files], error)
        return _failed(material, job, f"{complaint.reason}; {complaint.hint}", started)
    partial = any(one.metrics.state == JobState.PARTIAL for one in finished)
    failures = tuple(failure for one in finished for failure in one.metrics.failures)
    return Outcome(
        source=material.name,
        job_id=job,
        status=Status.PARTIAL if partial else Status.DONE,
        state=JobState.PARTIAL if partial else JobState.DONE,
        reason=shortfall([one.summary for one in finished], failures, unit_of(material.kind)) if partial else "",
        seconds=time.monotonic() - started,
        outputs=tuple(_outcome_of(one) for one in finished),
        warnings=tuple(f"{one.output.name}: {warning}" for one in finished for warning in one.metrics.warnings),
        failures=failures,
        unit=unit_of(material.kind),
        preflight=told,
    )


def _failed(material: Material, job: str, reason: str, started: float) -> Outcome:
    return Outcome(material.name, job, Status.FAILED, JobState.FAILED, reason, time.monotonic() - started)


def _outcome_of(one: LocalOutput) -> OutputOutcome:
    return OutputOutcome.of(one.summary, str(one.path), str(one.metrics_path))
