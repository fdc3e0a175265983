"""`moviola.preflight`: what a source is, and what a job would keep, change and lose of it."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from moviola.api.errors import translated
from moviola.api.options import Filters, JobOptions, Source, settings_from
from moviola.api.plan import planned
from moviola.api.process import IN_THIS_PROCESS
from moviola.filters import registry
from moviola.media.preflight import Preflight
from moviola.session.faults import contained_of
from moviola.session.preparing import looked_at


def preflight(source: Source, filters: Filters = None, **options: Unpack[JobOptions]) -> Preflight:
    """Read a source as a job would, and return what it is and what becomes of everything in it. Nothing is done with
    it, and no cluster is asked.

    Args:
        source: a file or a folder; or several files that belong together.
        filters: a chain, several chains, or output names with their chains.
        options: as moviola.JobOptions lists them; `strict` raises where not all would be kept.

    Returns:
        `traits` (name, value) of the source, and `findings`: of each thing its `subject`, its `fate` ("kept", "changed"
        or "lost"), the `reason`, and the `output` that it is true of, empty where it is true of all. `harms` are those
        that are not kept.

    Raises:
        UsageError: an argument cannot be.
        UnreadableSource: the source cannot be taken, or, with `strict`, not all of it would be kept.
    """
    with translated():
        settings = settings_from(filters, None, options)
        plan = planned(source, settings, registry.schemas(), options, Path())
        with IN_THIS_PROCESS, contained_of(plan.material):
            told = looked_at(plan.material, plan.destination.order)
        if settings.strict:
            told.check_kept(plan.material.path)
        return told
