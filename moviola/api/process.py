"""`moviola.process`: a whole job in this process, without a cluster."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final, Unpack

from moviola.api.display import ProgressOption, display_for
from moviola.api.errors import UsageError, translated
from moviola.api.options import CLUSTER_ONLY, Filters, JobOptions, PathLike, Source, settings_from
from moviola.api.plan import planned
from moviola.api.results import Result, result_of
from moviola.filters import registry
from moviola.media.kinds import verify
from moviola.session import local
from moviola.session.faults import contained_of

IN_THIS_PROCESS: Final = threading.Lock()
"""Files that a chain names are a setting of the whole process while they are used, so jobs take turns."""


def process(
    source: Source,
    filters: Filters = None,
    *,
    out: PathLike | None = None,
    results: PathLike = "results",
    progress: ProgressOption = None,
    **options: Unpack[JobOptions],
) -> Result:
    """Filter a video, images or tables in this process, and return where the results are.

    It needs no cluster, uses one core for the filters, and gives, digest for digest, what every cluster gives. May be
    called from any thread; calls of several threads take turns.

    Args:
        source: a file or a folder; or several files that belong together.
        filters: a chain, several chains, or output names with their chains.
        out: a file for one output, a folder for several; by default `results`/JOB.
        results: the folder that has a folder for each job.
        progress: show a bar (True), or nothing (False), or call a function with each moviola.Progress; by default a
            bar in a terminal or a notebook.
        options: as moviola.JobOptions lists them.

    Raises:
        UsageError: an argument cannot be.
        UnreadableSource: the source cannot be taken.
        JobFailed: it ended without results.
    """
    with translated():
        settings = settings_from(filters, out, options)
        for name in CLUSTER_ONLY:
            if options.get(name):
                raise UsageError(f"{name} is for a cluster; leave it out of process()")
        plan = planned(source, settings, registry.schemas(), options, Path(results))
        destination = plan.destination
        if destination.finished is not None:
            return result_of(destination.finished, destination.place)
        display = display_for(progress)
        try:
            with IN_THIS_PROCESS:
                if settings.verify_cuts:
                    with contained_of(plan.material):
                        verify(plan.material, destination.order.cutting)
                outcome = local.run(plan.material, destination.order, destination.place, display, tell=plan.tell)
        finally:
            display.close()
        return result_of(outcome, destination.place)
